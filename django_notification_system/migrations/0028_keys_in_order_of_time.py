"""New rows get keys in order of time. Old rows keep their keys.

The default is Python's alone. Told as a change of the table, SQLite would copy all of its rows.
"""

from django.db import migrations, models

from django_notification_system.models.keys import new_key

MODELS = (
    "notification",
    "notificationattempt",
    "notificationoptout",
    "notificationtarget",
    "targetuserrecord",
)


def change_default(model_name: str) -> migrations.AlterField:
    """Return the change of a model's key."""
    return migrations.AlterField(
        model_name=model_name,
        name="id",
        field=models.UUIDField(default=new_key, editable=False, primary_key=True, serialize=False),
    )


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0027_remove_awaited_index")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[change_default(name) for name in MODELS]
        )
    ]
