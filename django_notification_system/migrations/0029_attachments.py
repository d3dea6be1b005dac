"""Tables for attachments, and a mark on the notifications that have any; no row is rewritten."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from django_notification_system.models.keys import new_key

from ._operations import RunDeferred


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0028_keys_in_order_of_time")]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="has_attachments",
            field=models.BooleanField(
                db_default=False, default=False, editable=False, verbose_name="has attachments"
            ),
        ),
        migrations.CreateModel(
            name="AttachmentContent",
            fields=[
                (
                    "digest",
                    models.CharField(
                        editable=False,
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                        verbose_name="digest",
                    ),
                ),
                ("data", models.BinaryField(verbose_name="data")),
                ("size", models.BigIntegerField(verbose_name="size")),
                (
                    "used_at",
                    models.DateTimeField(
                        db_index=True, default=django.utils.timezone.now, verbose_name="used"
                    ),
                ),
            ],
            options={
                "verbose_name": "content of attachments",
                "verbose_name_plural": "contents of attachments",
                "db_table": "notification_system_content",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="NotificationAttachment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=new_key, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.PositiveIntegerField(verbose_name="position")),
                ("name", models.TextField(blank=True, verbose_name="name")),
                ("mimetype", models.CharField(max_length=255, verbose_name="media type")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("BYTES", "Bytes"),
                            ("TEXT", "Text"),
                            ("PART", "MIME part"),
                            ("WHOLE PART", "MIME part as bytes"),
                            ("MESSAGE", "Message"),
                        ],
                        default="BYTES",
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("headers", models.JSONField(blank=True, null=True, verbose_name="headers")),
                (
                    "content",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attachments",
                        to="django_notification_system.attachmentcontent",
                        verbose_name="content",
                    ),
                ),
                (
                    "notification",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attachments",
                        to="django_notification_system.notification",
                        verbose_name="notification",
                    ),
                ),
            ],
            options={
                "verbose_name": "attachment",
                "verbose_name_plural": "attachments",
                "db_table": "notification_system_attachment",
                "default_permissions": (),
            },
        ),
        RunDeferred(),
    ]
