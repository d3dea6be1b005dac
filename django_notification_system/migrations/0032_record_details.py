"""What a record has beside its address, and why it is off; no row is rewritten."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0031_category")]

    operations = [
        migrations.AddField(
            model_name="targetuserrecord",
            name="details",
            field=models.JSONField(blank=True, editable=False, null=True, verbose_name="details"),
        ),
        migrations.AddField(
            model_name="targetuserrecord",
            name="inactive_reason",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=20,
                verbose_name="reason of being inactive",
            ),
        ),
    ]
