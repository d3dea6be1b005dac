"""An index on the moments of events, in whose order the admin lists the events."""

from django.db import migrations, models

from ....migrations._operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds the index without stopping writers

    dependencies = [("django_notification_system_inbox", "0002_keep_until_and_withheld")]

    operations = [
        AddIndexOnline(
            model_name="inboxevent",
            index=models.Index(fields=["created"], name="inbox_event_created"),
        ),
    ]
