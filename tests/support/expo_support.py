"""Shared by the tests of Expo."""

from typing import Any

from django_notification_system.models import Notification
from django_notification_system.testing.providers import Answer
from tests.support.provider_support import change_target

PATH = "/--/api/v2/push/send"


def configure(settings: Any, **changes: Any) -> None:
    """Change the Expo target's settings."""
    change_target(settings, "expo", changes)


def errors(status: int, code: str, message: str = "No.", **more: Any) -> Answer:
    return Answer(status=status, json={"errors": [{"code": code, "message": message, **more}]})


def ticket(error: str, message: str = "No.") -> Answer:
    details = {"error": error}
    return Answer(
        status=200, json={"data": [{"status": "error", "message": message, "details": details}]}
    )


def statuses() -> dict[str, int]:
    found = list(Notification.objects.values_list("status", flat=True))
    return {status: found.count(status) for status in found}
