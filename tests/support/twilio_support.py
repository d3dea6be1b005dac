"""Shared by the tests of text messages."""

from typing import Any

from django_notification_system.testing.providers import Answer
from tests.support.provider_support import change_target

TOKEN = "planted-auth-token"


def configure(settings: Any, **changes: Any) -> None:
    """Change the Twilio target's settings."""
    change_target(settings, "twilio_sms", changes)


def refusal(status: int, code: int, message: str = "No.", **headers: str) -> Answer:
    """Return an error in Twilio's own form."""
    body = {"code": code, "message": message, "more_info": "", "status": status}
    return Answer(status=status, json=body, headers=headers)
