"""Shared by the tests of Expo."""

from typing import Any

from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.testing.providers import Answer
from tests.conftest import MakeDue
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


def make_many(make_due: MakeDue, record: TargetUserRecord, count: int, **fields: Any) -> None:
    for number in range(count):
        make_due(record, title=f"Message {number}", **fields)
