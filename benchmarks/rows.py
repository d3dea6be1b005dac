"""Fills the table of notifications by the million: ``python -m benchmarks.rows --number N``.

Django makes a notification for every user, and the database copies these to the wanted number, see
``tests/support/many_notifications.py``.
"""

import argparse
import sys
import uuid
from collections.abc import Sequence
from datetime import timedelta

import django

if __name__ == "__main__":
    django.setup()

from django.contrib.auth import get_user_model
from django.utils import timezone

from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from tests.support.many_notifications import WORD, analyze, multiply

from .delivery.contenders.job import SHORT_BODY, TITLE, html_body

USERS = 1000


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--status", default=Notification.SCHEDULED)
    parser.add_argument("--channel", default="email")
    parser.add_argument("--bodies", choices=["same", "different", "short"], default="same")
    parser.add_argument("--no-analyze", action="store_true")
    options = parser.parse_args(arguments)
    target = NotificationTarget.objects.get(notification_module_name=options.channel)
    body = {
        "same": html_body(),
        "different": html_body().replace("your order", f"your order no. {WORD}", 1),
        "short": SHORT_BODY,
    }[options.bodies]
    fill(target, options.number, status=options.status, body=body)
    if not options.no_analyze:
        analyze()


def fill(
    target: NotificationTarget, number: int, *, status: str, body: str, users: int = USERS
) -> None:
    """Make notifications for some users: due in the past week or, if delivered, in the past month.

    Args:
        target: The notifications' target.
        number: How many notifications.
        status: Their status.
        body: Their body; ``{word}`` stands for a word that no other body has.
        users: How many users share the notifications.
    """
    records = make_records(target, min(users, number))
    ended = status not in Notification.PENDING_STATUSES
    # Delivered notifications are older than due ones: a scan by the moment alone reads them first.
    first = timezone.now() - timedelta(days=30 if ended else 7)
    originals = [
        Notification(
            target_user_record=record,
            title=TITLE,
            body=body.replace(WORD, uuid.uuid4().hex),
            status=status,
            scheduled_delivery=first + timedelta(milliseconds=index),
            attempted_delivery=first if ended else None,
        )
        for index, record in enumerate(records)
    ]
    Notification.objects.bulk_create(originals, batch_size=500)
    keys = [original.pk for original in originals]
    copies, rest = divmod(number - len(keys), len(keys))
    multiply(keys, copies, body)
    multiply(keys[:rest], min(rest, 1), body)


def make_records(target: NotificationTarget, number: int) -> list[TargetUserRecord]:
    model = get_user_model()
    there = set(model.objects.values_list("username", flat=True))
    names = [f"user{index}" for index in range(number)]
    model.objects.bulk_create(
        model(username=name, email=f"{name}@example.com") for name in names if name not in there
    )
    users = list(model.objects.filter(username__in=names))
    TargetUserRecord.objects.bulk_create(
        (
            TargetUserRecord(
                user=user,
                target=target,
                target_user_id={
                    "expo": f"ExponentPushToken[{user.pk}]",
                    "twilio": f"+4915{user.pk:08}",
                }.get(target.notification_module_name, f"{user.get_username()}@example.com"),
                description="A record",
            )
            for user in users
        ),
        ignore_conflicts=True,
    )
    return list(TargetUserRecord.objects.filter(target=target, user__in=users))


if __name__ == "__main__":
    main(sys.argv[1:])
