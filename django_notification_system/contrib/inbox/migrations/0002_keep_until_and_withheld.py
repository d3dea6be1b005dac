"""How long a purge keeps an event's items, and the state of items that nobody is to see.

The column is empty at first, so that no database writes the table anew. The states are the app's
own: no statement changes the second column.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notification_system_inbox", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="inboxevent",
            name="keep_until",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="keep until"
            ),
        ),
        migrations.AlterField(
            model_name="inboxitem",
            name="state",
            field=models.SmallIntegerField(
                choices=[(0, "Unread"), (1, "Read"), (2, "Archived"), (3, "Withheld")],
                db_default=0,
                default=0,
                verbose_name="state",
            ),
        ),
    ]
