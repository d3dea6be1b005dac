"""Fill the queue of this project or of release 1.5.3: their models are alike."""

import itertools
from datetime import timedelta
from typing import Any

from django.utils import timezone
from job import (
    SENDER,
    SHORT_BODY,
    TITLE,
    Job,
    address,
    attachment,
    customer,
    html_body,
    recipient_of,
    text_body,
)
from project import TEMPLATE, analyze

MOST_RECORDS = 1000
#: The variant in which mails come through the mail backend that queues.
QUEUED = "queued"
#: Settings that are not the default ones, by the variant.
EMAIL_SETTINGS: dict[str, dict[str, object]] = {
    "no pipelining": {"pipelining": False},
    "64 connections": {"pipelining": False, "connections": 64},
}
SMALL_STEP = timedelta(milliseconds=1)
step = itertools.count(1)
records: list[Any] = []


def targets_of(job: Job) -> dict[str, dict[str, object]]:
    """Return ``NOTIFICATION_SYSTEM_TARGETS``; 1.5.3 ignores what came later."""
    return {
        "email": {"from_email": SENDER, **EMAIL_SETTINGS.get(job.variant, {})},
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

    if job.variant == QUEUED:
        queue_mails(job, number)
        return
    make_records(job, min(number, MOST_RECORDS))
    long_ago = timezone.now() - timedelta(days=7)
    users = itertools.cycle(records)
    Notification.objects.bulk_create(
        (
            Notification(
                target_user_record=next(users),
                title=TITLE,
                **content(job, index),
                status="SCHEDULED",
                scheduled_delivery=long_ago + next(step) * SMALL_STEP,
            )
            for index in range(number)
        ),
        batch_size=500,
    )
    analyze()


def queue_mails(job: Job, number: int) -> None:
    """Queue the mails that django-post_office is given with a text that is ready."""
    from django.core.mail import EmailMultiAlternatives

    from django_notification_system.mail import QueueBackend

    for first in range(0, number, 500):
        messages = []
        for index in range(first, min(first + 500, number)):
            to = recipient_of(job, index)
            message = EmailMultiAlternatives(
                TITLE, text_body(to), SENDER, [address(index % MOST_RECORDS)]
            )
            message.attach_alternative(html_body(to), "text/html")
            messages.append(message)
        QueueBackend().send_messages(messages)
    analyze()


def content(job: Job, number: int) -> dict[str, object]:
    """Return body and ``extra``, which release 1.5.3 is not given."""
    if job.channel != "email":
        return {"body": SHORT_BODY}
    if job.mail == "template":
        return {"body": "", "extra": {"template_name": TEMPLATE, **vars(customer(number))}}
    body = html_body(recipient_of(job, number))
    if job.mail == "attachment":
        return {"body": body, "extra": {"attachments": [attached_file(number)]}}
    return {"body": body}


def attached_file(number: int) -> str:
    """Write a mail's attachment to the storage, and return the path there."""
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    return default_storage.save(f"invoices/{number}.pdf", ContentFile(attachment(number)))


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
