"""The category of a notification: a constant default, so PostgreSQL and MariaDB rewrite no row."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0030_records_without_user")]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="category",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="People may have switched it off.",
                max_length=64,
                verbose_name="category",
            ),
        ),
    ]
