"""Indexes the provider's names of messages, by which its reports find them."""

from django.db import migrations, models

from django_notification_system.models.indexes import PartialIndex

from ._operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes CONCURRENTLY only outside a transaction

    dependencies = [("django_notification_system", "0007_fates")]

    operations = [
        AddIndexOnline(
            model_name="notification",
            index=PartialIndex(
                fields=["provider_message_id"],
                name="notification_message",
                where=models.Q(provider_message_id__gt=""),
            ),
        ),
    ]
