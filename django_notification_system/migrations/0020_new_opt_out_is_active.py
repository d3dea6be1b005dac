"""A new opt-out is in force; the rows that are there stay as they are.

The default is Python's alone. Told as a change of the table, SQLite would copy all of its rows.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0019_remove_scheduled_index")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="notificationoptout",
                    name="active",
                    field=models.BooleanField(
                        default=True,
                        help_text=(
                            "The user is sent nothing, over any target, and what waits is held"
                            " back. Without the tick the user is notified again."
                        ),
                        verbose_name="active",
                    ),
                ),
            ]
        )
    ]
