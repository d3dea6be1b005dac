"""A day's notifications, so that there is something to see in the admin.

``make serve BUSY=1`` shows this day, and ``make screenshots`` takes its pictures.
"""

import random
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationTarget,
    TargetUserRecord,
)

from .busy_inbox import fill_inbox
from .notifications import USERNAME

PEOPLE = ("Ann Lee", "Ben Okafor", "Chloé Martin", "Deniz Kaya", "Eva Novák", "Farid Rahimi")
TITLES = ("Your order has shipped", "Your invoice", "Your table is booked", "A new message")
NO_MAILBOX = "Email was not sent: 550 5.1.1 no such mailbox"
BUSY = "Email was not sent: 451 4.7.1 try again later"
NOT_REACHED = "Twilio's answer: HTTP 400, code 21614: not a mobile number"
#: How many minutes ago, in which target, and why.
LATEST_FAILURES = (
    (4, "Twilio", NOT_REACHED),
    (9, "Email", NO_MAILBOX),
    (19, "Email", NO_MAILBOX),
    (34, "Email", NO_MAILBOX),
)
#: What becomes of notifications, and how often.
ENDS = (("DELIVERED", 90), ("DELIVERY FAILURE", 4), ("OPTED OUT", 2), ("INACTIVE DEVICE", 1))
SHIPPED = """<h1>Your order has shipped</h1>
<p>Dear Ann,</p>
<p>your order <strong>2041</strong> left our kitchen this morning. It will be with you by noon.</p>
<p><a href="https://example.com/orders/2041">Follow it on its way</a></p>"""


@transaction.atomic  # hundreds of rows, and the disk is waited for once
def make_busy_day() -> Notification:
    """Make people, and what was sent to them in the last day.

    Returns:
        A notification that was delivered at the third attempt.
    """
    chance = random.Random(2041)
    now = timezone.now()
    records = _make_records()
    fill_inbox(get_user_model().objects.get(username=USERNAME))
    for minutes in range(2, 24 * 60, 5):
        _make_one(chance, chance.choice(records), now - timedelta(minutes=minutes))
    for minutes in (1, 2, 3, 60, 600):
        _make(chance.choice(records), chance.choice(TITLES), now + timedelta(minutes=minutes))
    for minutes, name, response in LATEST_FAILURES:
        moment = now - timedelta(minutes=minutes)
        of_target = [record for record in records if record.target.name == name]
        failed = {"status": "DELIVERY FAILURE", "response": response, "attempted_delivery": moment}
        _make(chance.choice(of_target), chance.choice(TITLES), moment, **failed)
    NotificationTarget.objects.filter(name="Expo").update(
        paused_until=now + timedelta(minutes=4), pause_reason="HTTP 503: service unavailable"
    )
    return _make_delivered_late(records[0], now - timedelta(minutes=40))


def _make_records() -> list[TargetUserRecord]:
    targets = {target.name: target for target in NotificationTarget.objects.all()}
    records = []
    for number, name in enumerate(PEOPLE):
        first_name, last_name = name.split()
        user = get_user_model().objects.create_user(
            username=first_name.lower(), first_name=first_name, last_name=last_name
        )
        addresses = {
            "Email": f"{user.username}@example.com",
            "Twilio": f"+1555867530{number}",
            "Expo": f"ExponentPushToken[{user.username}-phone]",
        }
        for target_name, address in addresses.items():
            records.append(
                TargetUserRecord.objects.create(
                    user=user,
                    target=targets[target_name],
                    target_user_id=address,
                    description=f"{name}'s {target_name}",
                )
            )
    return records


def _make_one(chance: random.Random, record: TargetUserRecord, moment: datetime) -> None:
    statuses, weights = zip(*ENDS, strict=True)
    (status,) = chance.choices(statuses, weights)
    response = ""
    if status == "DELIVERY FAILURE":
        response = NOT_REACHED if record.target.name == "Twilio" else NO_MAILBOX
    elif record.target.name == "Expo" and timezone.now() - moment < timedelta(minutes=20):
        status = "SCHEDULED"  # the target is paused
    attempted = status in ("DELIVERED", "DELIVERY FAILURE", "INACTIVE DEVICE")
    _make(
        record,
        chance.choice(TITLES),
        moment,
        status=status,
        response=response,
        attempted_delivery=moment if attempted else None,
    )


def _make_delivered_late(record: TargetUserRecord, moment: datetime) -> Notification:
    notification = _make(
        record,
        "Your order 2041 has shipped",
        moment,
        body=SHIPPED,
        status="DELIVERED",
        attempted_delivery=moment,
        retry_attempts=2,
        retry_time_interval=20,
        response="Email Successfully Sent",
    )
    for minutes, result, response in (
        (40, NotificationAttempt.Result.RETRY, BUSY),
        (20, NotificationAttempt.Result.RETRY, BUSY),
        (0, NotificationAttempt.Result.DELIVERED, "Email Successfully Sent"),
    ):
        NotificationAttempt.objects.create(
            notification=notification,
            attempted_at=moment - timedelta(minutes=minutes),
            result=result,
            response=response,
        )
    return notification


def _make(record: TargetUserRecord, title: str, moment: datetime, **fields: object) -> Notification:
    values = {"body": f"{title}.", "status": "SCHEDULED", **fields}
    return Notification.objects.create(
        target_user_record=record, title=title, scheduled_delivery=moment, **values
    )
