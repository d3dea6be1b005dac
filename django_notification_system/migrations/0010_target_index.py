"""The index by which a claim finds what is due for a target, and the admin's filter by status."""

from django.db import migrations, models

from django_notification_system.models.indexes import PartialIndex

from ._operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds the index without stopping writers

    dependencies = [("django_notification_system", "0009_target_of_notification")]

    operations = [
        AddIndexOnline(
            model_name="notification",
            index=models.Index(
                fields=["target", "status", "scheduled_delivery"], name="notification_target_due"
            ),
        ),
        AddIndexOnline(
            model_name="notification",
            index=PartialIndex(
                fields=["status", "scheduled_delivery"],
                name="notification_undelivered",
                where=models.Q(
                    status__in=(
                        "CANCELLED",
                        "DELIVERY FAILURE",
                        "EXPIRED",
                        "INACTIVE DEVICE",
                        "OPTED OUT",
                    )
                ),
            ),
        ),
    ]
