"""Without the index over words of this app in ``provider_status``."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0026_fill_receipt_due_at")]

    operations = [
        migrations.RemoveIndex(model_name="notification", name="notification_awaited"),
    ]
