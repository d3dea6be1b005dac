"""The index by which a claim finds what goes before the rest of what is due."""

from django.db import migrations, models

from django_notification_system.models.indexes import PartialIndex

from ._operations import AddIndexOnline

IS_PRIORITISED = models.Q(
    models.Q(("status", "SCHEDULED"), ("status", "RETRY"), _connector="OR"), ("priority__gt", 0)
)


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds the index without stopping writers

    dependencies = [("django_notification_system", "0016_priority")]

    operations = [
        AddIndexOnline(
            model_name="notification",
            index=PartialIndex(
                fields=["target", "status", "priority", "scheduled_delivery"],
                name="notification_prioritised",
                where=IS_PRIORITISED,
            ),
        ),
    ]
