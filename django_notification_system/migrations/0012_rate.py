"""Up to when the runs have shared out the time of a target that has a rate."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0011_remove_due_index")]

    operations = [
        migrations.AddField(
            model_name="notificationtarget",
            name="rate_reserved_until",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="rate reserved until"
            ),
        ),
    ]
