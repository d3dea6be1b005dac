"""Fill the queue of this project or of release 1.5.3: their models are alike."""

import itertools
from datetime import timedelta
from typing import Any

from django.utils import timezone
from job import SENDER, SHORT_BODY, TITLE, Job, address, html_body
from project import analyze

MOST_RECORDS = 1000
SMALL_STEP = timedelta(milliseconds=1)
step = itertools.count(1)
records: list[Any] = []


def targets_of(job: Job) -> dict[str, dict[str, object]]:
    """Return ``NOTIFICATION_SYSTEM_TARGETS``; 1.5.3 knows nothing of ``base_url``."""
    return {
        "email": {"from_email": SENDER},
        "twilio_sms": {
            "account_sid": "AC" + "0" * 32,
            "auth_token": "secret",
            "sender": "+15005550006",
            "base_url": job.http_url,
        },
        "expo": {"base_url": job.http_url},
    }


def fill(job: Job, number: int) -> None:
    """Make so many due notifications, for a thousand users at the most."""
    from django_notification_system.models import Notification

    make_records(job, min(number, MOST_RECORDS))
    long_ago = timezone.now() - timedelta(days=7)
    users = itertools.cycle(records)
    Notification.objects.bulk_create(
        (
            Notification(
                target_user_record=next(users),
                title=TITLE,
                body=body(job, index),
                status="SCHEDULED",
                scheduled_delivery=long_ago + next(step) * SMALL_STEP,
            )
            for index in range(number)
        ),
        batch_size=500,
    )
    analyze()


def body(job: Job, number: int) -> str:
    if job.channel != "email":
        return SHORT_BODY
    return html_body(number) if job.variant == "different" else html_body()


def make_records(job: Job, number: int) -> None:
    from django.contrib.auth.models import User

    from django_notification_system.models import NotificationTarget, TargetUserRecord

    target = NotificationTarget.objects.get(notification_module_name=job.channel)
    for index in range(len(records), number):
        user = User.objects.create(username=f"user{index}", email=address(index))
        destination = {
            "email": address(index),
            "twilio": f"+4915{index:08}",
            "expo": f"ExponentPushToken[{index}]",
        }[job.channel]
        records.append(
            TargetUserRecord.objects.create(
                user=user, target=target, target_user_id=destination, description="A record"
            )
        )
