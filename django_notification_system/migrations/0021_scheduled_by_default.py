"""A notification that is created without a status is scheduled, as people expect.

The default is Python's alone. Told as a change of the table, SQLite would copy all of its rows.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0020_new_opt_out_is_active")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="notification",
                    name="status",
                    field=models.CharField(
                        choices=[
                            ("CANCELLED", "Cancelled"),
                            ("DELIVERED", "Delivered"),
                            ("DELIVERY FAILURE", "Delivery Failure"),
                            ("EXPIRED", "Expired"),
                            ("INACTIVE DEVICE", "Inactive Device"),
                            ("OPTED OUT", "Opted Out"),
                            ("RETRY", "Retry"),
                            ("SCHEDULED", "Scheduled"),
                        ],
                        default="SCHEDULED",
                        max_length=16,
                        verbose_name="status",
                    ),
                ),
            ]
        )
    ]
