"""Which notifications follow the project's retry policy; those that are there do not."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0022_interruptions")]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="follows_retry_policy",
            field=models.BooleanField(
                db_default=False,
                default=False,
                editable=False,
                help_text="The project's settings say when a failed attempt is repeated.",
                verbose_name="follows the retry policy",
            ),
        ),
    ]
