"""Replaces the constraint over ``extra`` by one over the digest, and indexes what is due."""

from django.db import migrations, models

from ._operations import AddIndexOnline, AddUniqueOnline, RemoveUniqueTogether


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes CONCURRENTLY only outside a transaction

    dependencies = [("django_notification_system", "0004_fill_digest")]

    operations = [
        AddUniqueOnline(
            model_name="notification",
            constraint=models.UniqueConstraint(
                fields=("digest",), name="notification_digest_unique"
            ),
        ),
        AddIndexOnline(
            model_name="notification",
            index=models.Index(fields=["status", "scheduled_delivery"], name="notification_due"),
        ),
        AddIndexOnline(
            model_name="notification",
            index=models.Index(fields=["scheduled_delivery"], name="notification_scheduled"),
        ),
        RemoveUniqueTogether(name="notification"),
    ]
