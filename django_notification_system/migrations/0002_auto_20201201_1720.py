"""The three targets of release 1.5.3; existing projects have applied this migration."""

from django.db import migrations

from ._targets import create_targets, keep_targets


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0001_initial")]

    operations = [migrations.RunPython(create_targets, keep_targets)]
