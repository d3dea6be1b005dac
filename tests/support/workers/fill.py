"""Fills the workers' database: ``python -m tests.support.workers.fill NUMBER [PRIORITIES]``."""

import sys
from datetime import timedelta

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.utils import timezone  # noqa: E402

from django_notification_system.models import (  # noqa: E402
    Notification,
    NotificationTarget,
    TargetUserRecord,
)


def fill(number: int, priorities: int = 1) -> None:
    user, _ = get_user_model().objects.get_or_create(username="egg")
    target, _ = NotificationTarget.objects.get_or_create(
        name="Spool", notification_module_name="spool"
    )
    # For the rows of urgent.py: a run knows only targets that existed at its start.
    NotificationTarget.objects.get_or_create(name="Swift", notification_module_name="swift")
    record, _ = TargetUserRecord.objects.get_or_create(
        user=user, target=target, target_user_id="spool"
    )
    now = timezone.now()
    before = Notification.objects.count()
    Notification.objects.bulk_create(
        (
            Notification(
                target_user_record=record,
                title=f"number {before + index}",
                status=Notification.SCHEDULED,
                priority=index % priorities,
                scheduled_delivery=now - timedelta(milliseconds=number - index),
            )
            for index in range(number)
        ),
        batch_size=1000,
    )


if __name__ == "__main__":
    fill(*map(int, sys.argv[1:]))
