"""Preferences, suppressions and the log of consent: three new tables."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import django_notification_system.models.indexes
import django_notification_system.models.keys


class Migration(migrations.Migration):
    dependencies = [
        ("django_notification_system", "0032_record_details"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Suppression",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=django_notification_system.models.keys.new_key,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("target_key", models.CharField(max_length=50, verbose_name="target")),
                (
                    "category",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=64,
                        verbose_name="category",
                    ),
                ),
                (
                    "address_hash",
                    models.CharField(
                        editable=False, max_length=64, verbose_name="hash of the address"
                    ),
                ),
                (
                    "address",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=254,
                        verbose_name="address",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("bounce", "The address does not exist"),
                            ("complaint", "Reported as spam"),
                            ("unsubscribed", "Unsubscribed"),
                            ("stop", "Answered STOP"),
                            ("manual", "Suppressed by hand"),
                            ("import", "Imported"),
                        ],
                        max_length=16,
                        verbose_name="reason",
                    ),
                ),
                (
                    "created_date",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="created"),
                ),
                (
                    "note",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=200, verbose_name="note"
                    ),
                ),
            ],
            options={
                "verbose_name": "suppression",
                "verbose_name_plural": "suppressions",
                "db_table": "notification_system_suppression",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("target_key", "address_hash", "category"), name="suppression_unique"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ConsentLog",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "address_hash",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=64,
                        verbose_name="hash of the address",
                    ),
                ),
                (
                    "category",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=64,
                        verbose_name="category",
                    ),
                ),
                (
                    "target_key",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=50, verbose_name="target"
                    ),
                ),
                (
                    "before",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=8, verbose_name="before"
                    ),
                ),
                (
                    "after",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=8, verbose_name="after"
                    ),
                ),
                (
                    "how",
                    models.CharField(
                        choices=[
                            ("one-click", "One click in the mail program"),
                            ("link", "A link in a message"),
                            ("page", "The page of preferences"),
                            ("mailto", "A mail to the unsubscribe address"),
                            ("text message", "A text message"),
                            ("provider", "The provider's report"),
                            ("admin", "The admin"),
                            ("code", "The project's code"),
                            ("import", "An import"),
                        ],
                        max_length=16,
                        verbose_name="how",
                    ),
                ),
                (
                    "ip",
                    models.GenericIPAddressField(blank=True, null=True, verbose_name="IP address"),
                ),
                (
                    "wording",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=100,
                        verbose_name="wording",
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="time"),
                ),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="notification_consent_log",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "entry of the consent log",
                "verbose_name_plural": "consent log",
                "db_table": "notification_system_consent_log",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["user", "at"], name="consent_log_user"),
                    models.Index(fields=["address_hash", "at"], name="consent_log_address"),
                    django_notification_system.models.indexes.PartialIndex(
                        fields=["by"], name="consent_log_by", where=models.Q(("by__isnull", False))
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Preference",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=django_notification_system.models.keys.new_key,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "category",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=64,
                        verbose_name="category",
                    ),
                ),
                (
                    "target_key",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=50, verbose_name="target"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("yes", "Yes"), ("no", "No"), ("pending", "To be confirmed")],
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "changed_date",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="changed"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_preferences",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "preference",
                "verbose_name_plural": "preferences",
                "db_table": "notification_system_preference",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "category", "target_key"), name="preference_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("category", ""), ("target_key", ""), _negated=True),
                        name="preference_of_something",
                    ),
                ],
            },
        ),
    ]
