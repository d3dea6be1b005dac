"""Records without a user, each once, and an index of the rows that can be cancelled by a key.

No row is rewritten, except on SQLite, which copies the table of records.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from django_notification_system.models.indexes import PartialIndex

from ._operations import AddFieldOnce, AddIndexOnline, AddUniqueOnline, AllowNull


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes CONCURRENTLY only outside a transaction

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("django_notification_system", "0029_attachments"),
    ]

    operations = [
        AllowNull(
            model_name="targetuserrecord",
            name="user",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: the address of a person without an account.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notification_target_user_records",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
        AddFieldOnce(
            model_name="targetuserrecord",
            name="digest",
            field=models.UUIDField(blank=True, editable=False, null=True, verbose_name="digest"),
        ),
        # Choices are Python's alone.
        migrations.AlterField(
            model_name="targetuserrecord",
            name="origin",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "Entered by hand"),
                    ("USER EMAIL", "Follows the user's email address"),
                    ("FORMER USER EMAIL", "A former email address of the user"),
                    ("GIVEN", "Given by the project's code, without an account"),
                    ("QUEUED MAIL", "The first recipient of queued mail"),
                ],
                db_default="",
                default="",
                editable=False,
                max_length=20,
                verbose_name="origin",
            ),
        ),
        AddUniqueOnline(
            model_name="targetuserrecord",
            constraint=models.UniqueConstraint(fields=("digest",), name="record_digest_unique"),
        ),
        AddIndexOnline(
            model_name="notification",
            index=PartialIndex(
                fields=["idempotency_key"],
                name="notification_key_waiting",
                where=models.Q(
                    models.Q(("status", "SCHEDULED"), ("status", "RETRY"), _connector="OR"),
                    ("idempotency_key__isnull", False),
                ),
            ),
        ),
    ]
