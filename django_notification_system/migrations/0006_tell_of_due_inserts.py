"""On PostgreSQL, tells ``process_notifications --watch`` of what is inserted and due at once."""

from django.db import migrations

from ._due_trigger import create_trigger, drop_trigger


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0005_unique_digest")]

    operations = [migrations.RunPython(create_trigger, drop_trigger)]
