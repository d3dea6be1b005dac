"""Columns for what becomes of a message, and a table of its attempts; no row is rewritten."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from ._operations import RunDeferred


class Migration(migrations.Migration):
    dependencies = [
        ("django_notification_system", "0006_tell_of_due_inserts"),
    ]

    operations = [
        migrations.AddField(
            model_name="targetuserrecord",
            name="hard_bounces",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, editable=False, verbose_name="hard bounces"
            ),
        ),
        migrations.AddField(
            model_name="notificationtarget",
            name="pause_reason",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                max_length=500,
                verbose_name="reason of the pause",
            ),
        ),
        migrations.AddField(
            model_name="notificationtarget",
            name="paused_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="paused until"),
        ),
        migrations.AddField(
            model_name="notification",
            name="confirmed_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="confirmed"
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="expires_at",
            field=models.DateTimeField(
                blank=True,
                help_text="From then on it is not sent.",
                null=True,
                verbose_name="expires",
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="provider_status",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=50,
                verbose_name="provider's status",
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="status",
            field=models.CharField(
                choices=[
                    ("CANCELLED", "Cancelled"),
                    ("DELIVERED", "Delivered"),
                    ("DELIVERY FAILURE", "Delivery Failure"),
                    ("EXPIRED", "Expired"),
                    ("INACTIVE DEVICE", "Inactive Device"),
                    ("OPTED OUT", "Opted Out"),
                    ("RETRY", "Retry"),
                    ("SCHEDULED", "Scheduled"),
                ],
                max_length=16,
                verbose_name="status",
            ),
        ),
        migrations.CreateModel(
            name="NotificationAttempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("attempted_at", models.DateTimeField(verbose_name="time")),
                (
                    "result",
                    models.CharField(
                        choices=[
                            ("DELIVERED", "Delivered"),
                            ("RETRY", "Failed for now"),
                            ("FAILED", "Failed for good"),
                            ("UNKNOWN", "Not known"),
                            ("CONFIRMED", "Confirmed later"),
                            ("REPORTED FAILED", "Reported as failed later"),
                        ],
                        max_length=16,
                        verbose_name="result",
                    ),
                ),
                (
                    "response",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=500,
                        verbose_name="response",
                    ),
                ),
                (
                    "provider_message_id",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=200,
                        verbose_name="provider's message id",
                    ),
                ),
                (
                    "notification",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="django_notification_system.notification",
                        verbose_name="notification",
                    ),
                ),
            ],
            options={
                "verbose_name": "attempt",
                "verbose_name_plural": "attempts",
                "db_table": "notification_system_attempt",
                "default_permissions": (),
            },
        ),
        RunDeferred(),
    ]
