"""Permissions for the admin's actions; nothing of it is in the table."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0012_rate")]

    operations = [
        migrations.AlterModelOptions(
            name="notification",
            options={
                "permissions": (
                    ("send_notification", "Can send notifications now"),
                    ("retry_notification", "Can send failed notifications again"),
                    ("cancel_notification", "Can cancel notifications"),
                    ("reschedule_notification", "Can reschedule notifications"),
                ),
                "verbose_name": "notification",
                "verbose_name_plural": "notifications",
            },
        )
    ]
