"""A target whose provider can be asked, and messages that await a receipt."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.base import (
    Receipt,
    ReceiptResult,
)
from tests.support.handlers import roost as handler


@pytest.fixture
def roost(user: Any, settings: Any) -> Iterator[TargetUserRecord]:
    """A record in a target whose provider can be asked; see ``tests/support/handlers/roost.py``."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    target = NotificationTarget.objects.create(name="Roost", notification_module_name="roost")
    yield TargetUserRecord.objects.create(
        user=user, target=target, target_user_id="oak", description="Eggs's roost"
    )
    handler.asked.clear()
    handler.answers.clear()


def perched(record: TargetUserRecord, minutes: float, *names: str, **fields: Any) -> None:
    """Make notifications that were delivered so many minutes ago, and not asked about since."""
    first = timezone.now() - timedelta(minutes=minutes)
    Notification.objects.bulk_create(
        Notification(
            **{
                "target_user_record": record,
                "target": record.target,
                "title": name,
                "status": "DELIVERED",
                "scheduled_delivery": sent_at,
                "attempted_delivery": sent_at,
                "provider_message_id": name,
                "receipt_due_at": sent_at + timedelta(minutes=15),
                **fields,
            }
        )
        for number, name in enumerate(names)
        for sent_at in [first + timedelta(microseconds=number)]
    )


def confirmed(names: list[str]) -> Iterator[Receipt]:
    for name in names:
        yield Receipt(name, "ok", ReceiptResult.CONFIRMED)


def only(notification: Notification | None = None) -> Notification:
    return Notification.objects.get()
