"""Fills all of release 1.5.3's tables, by its own models; run by the interpreter that has it.

Titles tell the test what must become of a notification: those that start with ``due`` are to be
delivered, those with ``settle`` end without a message, and all others must stay as they are.
"""

import itertools
import random
import string
from datetime import UTC, datetime, timedelta

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import DatabaseError, connection, transaction  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from django_notification_system.models import (  # noqa: E402
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_creators.email import (  # noqa: E402
    create_notification,
)
from django_notification_system.utils import check_and_update_retry_attempts  # noqa: E402

LONG_AGO = datetime(2021, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)
STATUSES = [status for status, _ in Notification.STATUS_CHOICES]
EXTRAS = {
    "none": None,
    "empty": {},
    "nested": {
        "context": {"names": ["Zoë", "Ω", "שלום", "🥚"], "depth": {"a": {"b": [1, 2.5, None]}}}
    },
    "a list": ["not", "an", "object"],
    "a word": "word",
    "a number": 1.0,
}
SQLITE = connection.vendor == "sqlite"


def main():
    users = [
        User.objects.create_user(
            "egg", "eggs@example.com", first_name="Eggs", last_name="Benedict"
        ),
        User.objects.create_user("жозефіна", "zhozefina@example.com", first_name="Жозефіна"),
        User.objects.create_user("שרה", "sara@example.com", first_name="שרה 🥚"),
        User.objects.create_user("once_opted_out", "once@example.com"),
        User.objects.create_user("opted_out", "never@example.com"),
        User.objects.create_user("no_email"),
    ]
    pigeons = NotificationTarget.objects.create(
        name="Carrier Pigeon", notification_module_name="pigeon"
    )
    records = {user.username: make_records(user) for user in users}
    NotificationOptOut.objects.create(user=users[3], active=False)

    for user in users[:4]:
        for record in records[user.username].values():
            fill_record(record)
    fill_extras(records["egg"]["Email"])
    fill_settled(users[4], records)
    record = TargetUserRecord.objects.create(
        user=users[0],
        target=pigeons,
        target_user_id="loft 7, left nest",
        description="A custom target",
    )
    make("later, by pigeon", record)

    create_notification(users[1], "due, by 1.5.3's creator", "<p>Made by the creator</p>")
    retried = make(
        "later, after a failed attempt",
        records["egg"]["Twilio"],
        due=True,
        retry_time_interval=1440,
    )
    check_and_update_retry_attempts(retried)
    for model in (NotificationTarget, TargetUserRecord, NotificationOptOut, Notification):
        model.objects.update(modified_date=LONG_AGO, created_date=LONG_AGO)


def make_records(user):
    addresses = {
        "Email": user.email or "by-hand@example.com",
        "Twilio": f"+49151000{user.pk:05}",
        "Expo": f"ExponentPushToken[{user.pk}]",
    }
    return {
        target.name: TargetUserRecord.objects.create(
            user=user,
            target=target,
            target_user_id=addresses[target.name],
            description=f"{user.first_name}'s {target.name} 🥚",
        )
        for target in NotificationTarget.objects.filter(name__in=addresses)
    }


MINUTES = itertools.count(1)


def make(title, record, due=False, **fields):
    moment = now() - timedelta(days=3) if due else now() + timedelta(days=3)
    values = {
        "body": "lorem ipsum… שלום 🥚",
        "status": "SCHEDULED",
        "scheduled_delivery": moment + timedelta(minutes=next(MINUTES)),
        "retry_time_interval": 1440,
    }
    return Notification.objects.create(
        target_user_record=record, title=title, **{**values, **fields}
    )


def fill_record(record):
    """Every status, due and not."""
    for status in STATUSES:
        attempted = None if status in ("SCHEDULED", "OPTED OUT") else LONG_AGO
        attempts = 1 if status == "RETRY" else 0
        more = {"status": status, "attempted_delivery": attempted, "retry_attempts": attempts}
        make(f"later, {status}", record, **more)
        pending = status in ("SCHEDULED", "RETRY")
        make(f"{'due' if pending else 'past'}, {status} 🥚", record, due=True, **more)


def fill_extras(record):
    """Whatever may stand in ``extra``, and rows that only ``extra`` tells apart."""
    moment = now() + timedelta(days=5)
    for name, extra in EXTRAS.items():
        make(f"later, extra: {name}", record, extra=extra)
        make("later, all the same but for extra", record, extra=extra, scheduled_delivery=moment)
    make("later, extra: none", record, extra=None, scheduled_delivery=moment)
    make("later, extra: none", record, extra=None, scheduled_delivery=moment)  # NULL equals nothing
    if SQLITE:
        for extra in ({"a": 1, "b": 2}, {"b": 2, "a": 1}):
            make("due, keys in another order", record, extra=extra, scheduled_delivery=LONG_AGO)
        make("due, large extra", record, due=True, extra={"large": incompressible(1_000_000)})
        make("due, title far too long " + "t" * 200, record, due=True)
        return
    for size in range(4000, 0, -4):
        try:
            with transaction.atomic():
                make("due, large extra", record, due=True, extra={"large": incompressible(size)})
            return
        except DatabaseError:
            continue  # the index of 1.5.3's unique constraint does not take so much


def fill_settled(opted_out, records):
    """Those that 1.5.3 passed over at every run."""
    inactive = TargetUserRecord.objects.create(
        user=User.objects.get(username="egg"),
        target=NotificationTarget.objects.get(name="Email"),
        target_user_id="former@example.com",
        description="inactive",
        active=False,
    )
    make("settle INACTIVE DEVICE", inactive, due=True)
    make("later, opted out by 1.5.3", records[opted_out.username]["Email"])
    NotificationOptOut.objects.create(user=opted_out, active=True)
    make("settle OPTED OUT", records[opted_out.username]["Email"], due=True)
    make("later, made after the opt-out", records[opted_out.username]["Expo"])


def incompressible(size):
    letters = string.ascii_letters + string.digits
    return "".join(random.Random(size).choices(letters, k=size))


main()
