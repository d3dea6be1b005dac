"""Moves what development versions of 2.0 noted in ``provider_status``, and makes the new index."""

from datetime import timedelta

from django.db import migrations, models
from django.db.models import F

from django_notification_system.models.indexes import PartialIndex

from ._operations import AddIndexOnline

BATCH_SIZE = 500
#: What stood in ``provider_status``, and the minutes from the attempt to the next question.
MINUTES = {
    "receipt awaited": 15,
    "receipt awaited, asked 1x": 30,
    "receipt awaited, asked 2x": 60,
    "receipt awaited, asked 3x": 120,
    "receipt awaited, asked 4x": 240,
    "receipt awaited, asked 5x": 480,
    "receipt awaited, asked 6x": 960,
    "receipt awaited, asked 7x": 1395,
}


def fill_receipt_due_at(apps, schema_editor):
    """Fill a batch at a time, so that an interrupted migration goes on where it stopped."""
    alias = schema_editor.connection.alias
    notifications = apps.get_model("django_notification_system", "Notification").objects
    targets = apps.get_model("django_notification_system", "NotificationTarget").objects
    for target_id in list(targets.using(alias).values_list("pk", flat=True)):
        for word, minutes in MINUTES.items():
            # The old index serves: it begins with the target, and is there until the end.
            rows = notifications.using(alias).filter(target_id=target_id, provider_status=word)
            due_at = F("attempted_delivery") + timedelta(minutes=minutes)
            while keys := list(rows.values_list("pk", flat=True)[:BATCH_SIZE]):
                rows.filter(pk__in=keys).update(receipt_due_at=due_at, provider_status="")


class Migration(migrations.Migration):
    atomic = False  # a short transaction a batch, and PostgreSQL's index beside the writers

    dependencies = [("django_notification_system", "0025_receipt_due_at")]

    operations = [
        AddIndexOnline(
            model_name="notification",
            index=PartialIndex(
                fields=["target", "receipt_due_at"],
                name="notification_receipt_due",
                where=models.Q(receipt_due_at__isnull=False),
            ),
        ),
        migrations.RunPython(fill_receipt_due_at, migrations.RunPython.noop),
    ]
