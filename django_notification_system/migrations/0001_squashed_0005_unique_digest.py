"""The whole schema at once, for new databases; 0001 to 0005 are how older ones come to it."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import django_notification_system.models.target

from ._targets import create_targets, keep_targets


class Migration(migrations.Migration):
    initial = True

    replaces = [
        ("django_notification_system", "0001_initial"),
        ("django_notification_system", "0002_auto_20201201_1720"),
        ("django_notification_system", "0003_claims_and_responses"),
        ("django_notification_system", "0004_fill_digest"),
        ("django_notification_system", "0005_unique_digest"),
    ]

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="NotificationTarget",
            fields=[
                ("created_date", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("modified_date", models.DateTimeField(auto_now=True, verbose_name="modified")),
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=15, unique=True, verbose_name="name")),
                (
                    "notification_module_name",
                    models.CharField(
                        help_text="The module that delivers to this target, such as “email”.",
                        max_length=50,
                        validators=[django_notification_system.models.target.validate_module_name],
                        verbose_name="module name",
                    ),
                ),
            ],
            options={
                "verbose_name": "notification target",
                "verbose_name_plural": "notification targets",
                "db_table": "notification_system_target",
            },
        ),
        migrations.CreateModel(
            name="NotificationOptOut",
            fields=[
                ("created_date", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("modified_date", models.DateTimeField(auto_now=True, verbose_name="modified")),
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("active", models.BooleanField(default=False, verbose_name="active")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_opt_out",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "notification opt-out",
                "verbose_name_plural": "notification opt-outs",
                "db_table": "notification_system_opt_out",
            },
        ),
        migrations.CreateModel(
            name="TargetUserRecord",
            fields=[
                ("created_date", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("modified_date", models.DateTimeField(auto_now=True, verbose_name="modified")),
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("target_user_id", models.CharField(max_length=254, verbose_name="address")),
                ("description", models.CharField(max_length=200, verbose_name="description")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "origin",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Entered by hand"),
                            ("USER EMAIL", "Follows the user's email address"),
                            ("FORMER USER EMAIL", "A former email address of the user"),
                        ],
                        db_default="",
                        default="",
                        editable=False,
                        max_length=20,
                        verbose_name="origin",
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        to="django_notification_system.notificationtarget",
                        verbose_name="target",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_target_user_records",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "target user record",
                "verbose_name_plural": "target user records",
                "db_table": "notification_system_target_user_record",
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("created_date", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("modified_date", models.DateTimeField(auto_now=True, verbose_name="modified")),
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("title", models.CharField(max_length=100, verbose_name="title")),
                ("body", models.TextField(blank=True, verbose_name="body")),
                (
                    "extra",
                    models.JSONField(blank=True, default=dict, null=True, verbose_name="extra"),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("DELIVERED", "Delivered"),
                            ("DELIVERY FAILURE", "Delivery Failure"),
                            ("INACTIVE DEVICE", "Inactive Device"),
                            ("OPTED OUT", "Opted Out"),
                            ("RETRY", "Retry"),
                            ("SCHEDULED", "Scheduled"),
                        ],
                        max_length=16,
                        verbose_name="status",
                    ),
                ),
                ("scheduled_delivery", models.DateTimeField(verbose_name="scheduled delivery")),
                (
                    "attempted_delivery",
                    models.DateTimeField(blank=True, null=True, verbose_name="attempted delivery"),
                ),
                (
                    "retry_time_interval",
                    models.PositiveIntegerField(
                        default=0, help_text="In minutes.", verbose_name="retry time interval"
                    ),
                ),
                (
                    "retry_attempts",
                    models.PositiveIntegerField(default=0, verbose_name="retry attempts"),
                ),
                ("max_retries", models.PositiveIntegerField(default=3, verbose_name="max retries")),
                (
                    "response",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        editable=False,
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
                        editable=False,
                        max_length=200,
                        verbose_name="provider's message id",
                    ),
                ),
                (
                    "idempotency_key",
                    models.CharField(
                        blank=True,
                        editable=False,
                        max_length=200,
                        null=True,
                        verbose_name="idempotency key",
                    ),
                ),
                (
                    "digest",
                    models.UUIDField(blank=True, editable=False, null=True, verbose_name="digest"),
                ),
                (
                    "claim_token",
                    models.UUIDField(
                        blank=True, editable=False, null=True, verbose_name="claim token"
                    ),
                ),
                (
                    "claimed_until",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="claimed until"
                    ),
                ),
                (
                    "target_user_record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to="django_notification_system.targetuserrecord",
                        verbose_name="target user record",
                    ),
                ),
            ],
            options={
                "verbose_name": "notification",
                "verbose_name_plural": "notifications",
                "db_table": "notification_system_notification",
            },
        ),
        migrations.CreateModel(
            name="UserTarget",
            fields=[],
            options={
                "verbose_name": "user target",
                "verbose_name_plural": "User Targets",
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("django_notification_system.targetuserrecord",),
        ),
        migrations.AddConstraint(
            model_name="targetuserrecord",
            constraint=models.UniqueConstraint(
                fields=("user", "target", "target_user_id"),
                name="user target ids cannot be repeated",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["status", "scheduled_delivery"], name="notification_due"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["scheduled_delivery"], name="notification_scheduled"),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(
                fields=("digest",), name="notification_digest_unique"
            ),
        ),
        migrations.RunPython(create_targets, keep_targets),
    ]
