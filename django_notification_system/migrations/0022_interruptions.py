"""How many runs took a notification and died; no row is rewritten."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0021_scheduled_by_default")]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="interruptions",
            field=models.SmallIntegerField(
                db_default=0, default=0, editable=False, verbose_name="interruptions"
            ),
        ),
    ]
