"""How many messages a target's provider takes at once, as found by the last runs.

The table has a row for each target, so that the columns are added at once.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0033_consent")]

    operations = [
        migrations.AddField(
            model_name="notificationtarget",
            name="concurrency",
            field=models.PositiveSmallIntegerField(
                editable=False, null=True, verbose_name="concurrency"
            ),
        ),
        migrations.AddField(
            model_name="notificationtarget",
            name="concurrency_limit",
            field=models.PositiveSmallIntegerField(
                editable=False, null=True, verbose_name="concurrency limit"
            ),
        ),
        migrations.AddField(
            model_name="notificationtarget",
            name="concurrency_until",
            field=models.DateTimeField(editable=False, null=True, verbose_name="concurrency until"),
        ),
    ]
