"""The index by which messages are found whose provider is still to be asked for a receipt."""

from django.db import migrations, models

from django_notification_system.models.indexes import PartialIndex

from ._operations import AddIndexOnline

IS_AWAITED = models.Q(
    ("provider_status", "receipt awaited"),
    ("provider_status", "receipt awaited, asked 1x"),
    ("provider_status", "receipt awaited, asked 2x"),
    ("provider_status", "receipt awaited, asked 3x"),
    ("provider_status", "receipt awaited, asked 4x"),
    ("provider_status", "receipt awaited, asked 5x"),
    ("provider_status", "receipt awaited, asked 6x"),
    ("provider_status", "receipt awaited, asked 7x"),
    _connector="OR",
)


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds the index without stopping writers

    dependencies = [("django_notification_system", "0013_action_permissions")]

    operations = [
        AddIndexOnline(
            model_name="notification",
            index=PartialIndex(
                fields=["target", "provider_status", "attempted_delivery"],
                name="notification_awaited",
                where=IS_AWAITED,
            ),
        ),
    ]
