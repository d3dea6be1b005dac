"""When a provider is asked next what became of a message; no row is rewritten."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0024_printable_names")]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="receipt_due_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="receipt due"
            ),
        ),
    ]
