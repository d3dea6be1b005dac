"""The index by which a claim finds what is due for a target."""

from django.db import migrations, models

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
    ]
