"""Shared by the tests of push messages through FCM."""

from typing import Any

from django_notification_system.testing.exchange import Answer
from django_notification_system.testing.fcm_api import error_answer
from tests.support.provider_support import change_target

TOKEN = "eggs:planted-token"  # a device's
TOKEN_PATH = "/token"  # a URL's
SENDS = ":send"


def configure(settings: Any, **changes: Any) -> None:
    """Change the FCM target's settings."""
    change_target(settings, "fcm", changes)


def fcm_error(status: int, code: str, message: str = "No.", *further: dict[str, Any]) -> Answer:
    """Return an error in FCM's form."""
    return error_answer(status, "ERROR", message, code, *further)
