"""Without the index that PostgreSQL might read for a claim, from the oldest that was delivered."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0018_newest_first_index")]

    operations = [migrations.RemoveIndex(model_name="notification", name="notification_scheduled")]
