"""The target beside each notification, so that a claim finds its rows by one index.

No row is rewritten, and no table is locked for long: the engine fills the column of what is due.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0008_message_index")]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="target",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="django_notification_system.notificationtarget",
                verbose_name="target",
            ),
        ),
    ]
