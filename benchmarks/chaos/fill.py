"""Fills the storm's queue: ``python -m benchmarks.chaos.fill NUMBER [MANNER ...]``.

The notifications with a manner lie evenly among the others.
"""

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


def fill(number: int, manners: list[str]) -> None:
    user = get_user_model().objects.create(username="egg")
    target = NotificationTarget.objects.create(name="Storm", notification_module_name="storm")
    record = TargetUserRecord.objects.create(user=user, target=target, target_user_id="storm")
    # Due for hosts whose clocks are behind, too.
    first = timezone.now() - timedelta(hours=1)
    step = number // (len(manners) + 1)
    placed = {step * (index + 1): manner for index, manner in enumerate(manners)}
    Notification.objects.bulk_create(
        (
            Notification(
                target_user_record=record,
                title=f"number {index}",
                status=Notification.SCHEDULED,
                extra={"manner": placed[index]} if index in placed else {},
                scheduled_delivery=first + timedelta(milliseconds=index),
            )
            for index in range(number)
        ),
        batch_size=1000,
    )


if __name__ == "__main__":
    fill(int(sys.argv[1]), sys.argv[2:])
