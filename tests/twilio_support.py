"""What the tests of text messages share."""

from collections.abc import Callable
from typing import Any

from django_notification_system.testing.providers import Answer, ReceivedRequest

Process = Callable[..., str]
TOKEN = "planted-auth-token"


def configure(settings: Any, **changes: Any) -> None:
    """Change the Twilio target's settings."""
    targets = settings.NOTIFICATION_SYSTEM_TARGETS
    settings.NOTIFICATION_SYSTEM_TARGETS = {
        **targets,
        "twilio_sms": {**targets["twilio_sms"], **changes},
    }


def refusal(status: int, code: int, message: str = "No.", **headers: str) -> Answer:
    """Return an error in Twilio's own form."""
    body = {"code": code, "message": message, "more_info": "", "status": status}
    return Answer(status=status, json=body, headers=headers)


def refused(*answers: Answer) -> Callable[[ReceivedRequest], Answer]:
    """Return an ``on_request`` that refuses everything."""
    return lambda request: answers[0]
