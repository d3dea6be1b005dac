"""Checks, migrates and fills the project: two users, one with records and notifications."""

from datetime import timedelta

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from django_notification_system.models import (  # noqa: E402
    Notification,
    NotificationTarget,
    TargetUserRecord,
)

User = get_user_model()
DUE = timezone.now() - timedelta(minutes=1)
LATER = timezone.now() + timedelta(minutes=30)
ADDRESSES = {
    "Twilio": "+4915112345678",
    "Email": "by-hand@example.com",
    "Expo": "ExponentPushToken[1]",
}


def make_user(name, **fields):
    address = f"{name}@example.com"
    names = {User.USERNAME_FIELD: name, User.get_email_field_name(): address}
    return User.objects.create_superuser(**names, password="secret", **fields)


call_command("check", fail_level="WARNING")
for alias in connections:
    call_command("migrate", verbosity=0, database=alias)
make_user("admin")
egg = make_user("egg")
for target in NotificationTarget.objects.filter(name__in=ADDRESSES):
    record = TargetUserRecord.objects.create(
        user=egg, target=target, target_user_id=ADDRESSES[target.name], description="By hand"
    )
    for title, moment in (("Due 🥚 שלום", DUE), ("Later", LATER)):
        Notification.objects.create(
            user_target=record,
            title=title,
            body="lorem ipsum… مرحبا",
            status="SCHEDULED",
            scheduled_delivery=moment,
            retry_time_interval=60,
        )
