"""Without the index over all that is due, which a database might read for one target's claim."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0010_target_index")]

    operations = [migrations.RemoveIndex(model_name="notification", name="notification_due")]
