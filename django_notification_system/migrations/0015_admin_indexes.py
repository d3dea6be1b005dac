"""The indexes by which the last hour's attempts are counted, and an address is found."""

from django.db import migrations, models

from django_notification_system.models.indexes import PartialIndex, PrefixIndex

from ._operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds the index without stopping writers

    dependencies = [("django_notification_system", "0014_awaited_index")]

    operations = [
        AddIndexOnline(
            model_name="notification",
            index=PartialIndex(
                fields=["attempted_delivery", "status", "target"],
                name="notification_attempted",
                where=models.Q(attempted_delivery__isnull=False),
            ),
        ),
        AddIndexOnline(
            model_name="targetuserrecord",
            index=PrefixIndex(fields=["target_user_id"], name="record_address"),
        ),
    ]
