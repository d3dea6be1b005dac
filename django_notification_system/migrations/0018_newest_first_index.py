"""The index by which the admin shows the newest first, such that no claim reads it."""

from django.db import migrations

from django_notification_system.models.indexes import NewestFirstIndex

from ._operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds the index without stopping writers

    dependencies = [("django_notification_system", "0017_priority_index")]

    operations = [
        AddIndexOnline(
            model_name="notification",
            index=NewestFirstIndex(fields=["scheduled_delivery"], name="notification_newest"),
        ),
    ]
