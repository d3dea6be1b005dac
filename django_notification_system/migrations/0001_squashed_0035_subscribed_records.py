"""The whole schema at once, for new databases; the others are how older ones come to it."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import django_notification_system.models.target
import django_notification_system.printable
from django_notification_system.models import indexes
from django_notification_system.models.keys import new_key

from ._due_trigger import create_trigger, drop_trigger
from ._operations import RunDeferred
from ._targets import create_targets, keep_targets


class Migration(migrations.Migration):
    initial = True

    replaces = [
        ("django_notification_system", "0001_initial"),
        ("django_notification_system", "0002_auto_20201201_1720"),
        ("django_notification_system", "0003_claims_and_responses"),
        ("django_notification_system", "0004_fill_digest"),
        ("django_notification_system", "0005_unique_digest"),
        ("django_notification_system", "0006_tell_of_due_inserts"),
        ("django_notification_system", "0007_fates"),
        ("django_notification_system", "0008_message_index"),
        ("django_notification_system", "0009_target_of_notification"),
        ("django_notification_system", "0010_target_index"),
        ("django_notification_system", "0011_remove_due_index"),
        ("django_notification_system", "0012_rate"),
        ("django_notification_system", "0013_action_permissions"),
        ("django_notification_system", "0014_awaited_index"),
        ("django_notification_system", "0015_admin_indexes"),
        ("django_notification_system", "0016_priority"),
        ("django_notification_system", "0017_priority_index"),
        ("django_notification_system", "0018_newest_first_index"),
        ("django_notification_system", "0019_remove_scheduled_index"),
        ("django_notification_system", "0020_new_opt_out_is_active"),
        ("django_notification_system", "0021_scheduled_by_default"),
        ("django_notification_system", "0022_interruptions"),
        ("django_notification_system", "0023_retry_policy"),
        ("django_notification_system", "0024_printable_names"),
        ("django_notification_system", "0025_receipt_due_at"),
        ("django_notification_system", "0026_fill_receipt_due_at"),
        ("django_notification_system", "0027_remove_awaited_index"),
        ("django_notification_system", "0028_keys_in_order_of_time"),
        ("django_notification_system", "0029_attachments"),
        ("django_notification_system", "0030_records_without_user"),
        ("django_notification_system", "0031_category"),
        ("django_notification_system", "0032_record_details"),
        ("django_notification_system", "0033_consent"),
        ("django_notification_system", "0034_concurrency"),
        ("django_notification_system", "0035_subscribed_records"),
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
                        default=new_key, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        max_length=15,
                        unique=True,
                        validators=[django_notification_system.printable.validate_printable],
                        verbose_name="name",
                    ),
                ),
                (
                    "notification_module_name",
                    models.CharField(
                        help_text="The module that delivers to this target, such as “email”.",
                        max_length=50,
                        validators=[django_notification_system.models.target.validate_module_name],
                        verbose_name="module name",
                    ),
                ),
                (
                    "paused_until",
                    models.DateTimeField(blank=True, null=True, verbose_name="paused until"),
                ),
                (
                    "pause_reason",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=500,
                        verbose_name="reason of the pause",
                    ),
                ),
                (
                    "rate_reserved_until",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="rate reserved until"
                    ),
                ),
                (
                    "concurrency",
                    models.PositiveSmallIntegerField(
                        editable=False, null=True, verbose_name="concurrency"
                    ),
                ),
                (
                    "concurrency_limit",
                    models.PositiveSmallIntegerField(
                        editable=False, null=True, verbose_name="concurrency limit"
                    ),
                ),
                (
                    "concurrency_until",
                    models.DateTimeField(
                        editable=False, null=True, verbose_name="concurrency until"
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
            name="TargetUserRecord",
            fields=[
                ("created_date", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("modified_date", models.DateTimeField(auto_now=True, verbose_name="modified")),
                (
                    "id",
                    models.UUIDField(
                        default=new_key, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the address of a person without an account.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_target_user_records",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
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
                ("target_user_id", models.CharField(max_length=254, verbose_name="address")),
                (
                    "description",
                    models.CharField(
                        max_length=200,
                        validators=[django_notification_system.printable.validate_printable],
                        verbose_name="description",
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "hard_bounces",
                    models.PositiveSmallIntegerField(
                        db_default=0, default=0, editable=False, verbose_name="hard bounces"
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Entered by hand"),
                            ("USER EMAIL", "Follows the user's email address"),
                            ("FORMER USER EMAIL", "A former email address of the user"),
                            ("GIVEN", "Given by the project's code, without an account"),
                            ("QUEUED MAIL", "The first recipient of queued mail"),
                            ("SUBSCRIBED", "Subscribed by the user's browser or device"),
                        ],
                        db_default="",
                        default="",
                        editable=False,
                        max_length=20,
                        verbose_name="origin",
                    ),
                ),
                (
                    "digest",
                    models.UUIDField(blank=True, editable=False, null=True, verbose_name="digest"),
                ),
                (
                    "details",
                    models.JSONField(blank=True, editable=False, null=True, verbose_name="details"),
                ),
                (
                    "inactive_reason",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        editable=False,
                        max_length=20,
                        verbose_name="reason of being inactive",
                    ),
                ),
            ],
            options={
                "verbose_name": "target user record",
                "verbose_name_plural": "target user records",
                "db_table": "notification_system_target_user_record",
                "indexes": [
                    indexes.PrefixIndex(fields=["target_user_id"], name="record_address"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "target", "target_user_id"),
                        name="user target ids cannot be repeated",
                    ),
                    models.UniqueConstraint(fields=("digest",), name="record_digest_unique"),
                ],
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
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("created_date", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("modified_date", models.DateTimeField(auto_now=True, verbose_name="modified")),
                (
                    "id",
                    models.UUIDField(
                        default=new_key, editable=False, primary_key=True, serialize=False
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
                (
                    "target",
                    models.ForeignKey(
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
                ("title", models.CharField(max_length=100, verbose_name="title")),
                ("body", models.TextField(blank=True, verbose_name="body")),
                (
                    "extra",
                    models.JSONField(blank=True, default=dict, null=True, verbose_name="extra"),
                ),
                (
                    "has_attachments",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        editable=False,
                        verbose_name="has attachments",
                    ),
                ),
                (
                    "status",
                    models.CharField(
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
                        default="SCHEDULED",
                        max_length=16,
                        verbose_name="status",
                    ),
                ),
                ("scheduled_delivery", models.DateTimeField(verbose_name="scheduled delivery")),
                (
                    "expires_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="From then on it is not sent.",
                        null=True,
                        verbose_name="expires",
                    ),
                ),
                (
                    "priority",
                    models.SmallIntegerField(
                        db_default=0,
                        default=0,
                        help_text="From 0 to 9. A higher one goes first among what is due.",
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(9),
                        ],
                        verbose_name="priority",
                    ),
                ),
                (
                    "category",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="People may have switched it off.",
                        max_length=64,
                        verbose_name="category",
                    ),
                ),
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
                    "follows_retry_policy",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        editable=False,
                        help_text="The project's settings say when a failed attempt is repeated.",
                        verbose_name="follows the retry policy",
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
                    "provider_status",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        editable=False,
                        max_length=50,
                        verbose_name="provider's status",
                    ),
                ),
                (
                    "receipt_due_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="receipt due"
                    ),
                ),
                (
                    "confirmed_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="confirmed"
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
                    "interruptions",
                    models.SmallIntegerField(
                        db_default=0, default=0, editable=False, verbose_name="interruptions"
                    ),
                ),
            ],
            options={
                "verbose_name": "notification",
                "verbose_name_plural": "notifications",
                "db_table": "notification_system_notification",
                "permissions": (
                    ("send_notification", "Can send notifications now"),
                    ("retry_notification", "Can send failed notifications again"),
                    ("cancel_notification", "Can cancel notifications"),
                    ("reschedule_notification", "Can reschedule notifications"),
                ),
                "indexes": [
                    models.Index(
                        fields=["target", "status", "scheduled_delivery"],
                        name="notification_target_due",
                    ),
                    indexes.PartialIndex(
                        fields=["target", "status", "priority", "scheduled_delivery"],
                        name="notification_prioritised",
                        where=models.Q(
                            models.Q(("status", "SCHEDULED"), ("status", "RETRY"), _connector="OR"),
                            ("priority__gt", 0),
                        ),
                    ),
                    indexes.PartialIndex(
                        fields=["status", "scheduled_delivery"],
                        name="notification_undelivered",
                        where=models.Q(
                            (
                                "status__in",
                                (
                                    "CANCELLED",
                                    "DELIVERY FAILURE",
                                    "EXPIRED",
                                    "INACTIVE DEVICE",
                                    "OPTED OUT",
                                ),
                            )
                        ),
                    ),
                    indexes.NewestFirstIndex(
                        fields=["scheduled_delivery"], name="notification_newest"
                    ),
                    indexes.PartialIndex(
                        fields=["attempted_delivery", "status", "target"],
                        name="notification_attempted",
                        where=models.Q(("attempted_delivery__isnull", False)),
                    ),
                    indexes.PartialIndex(
                        fields=["provider_message_id"],
                        name="notification_message",
                        where=models.Q(("provider_message_id__gt", "")),
                    ),
                    indexes.PartialIndex(
                        fields=["target", "receipt_due_at"],
                        name="notification_receipt_due",
                        where=models.Q(("receipt_due_at__isnull", False)),
                    ),
                    indexes.PartialIndex(
                        fields=["idempotency_key"],
                        name="notification_key_waiting",
                        where=models.Q(
                            models.Q(("status", "SCHEDULED"), ("status", "RETRY"), _connector="OR"),
                            ("idempotency_key__isnull", False),
                        ),
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("digest",), name="notification_digest_unique"),
                ],
            },
        ),
        migrations.CreateModel(
            name="NotificationAttempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=new_key, editable=False, primary_key=True, serialize=False
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
        migrations.CreateModel(
            name="NotificationOptOut",
            fields=[
                ("created_date", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("modified_date", models.DateTimeField(auto_now=True, verbose_name="modified")),
                (
                    "id",
                    models.UUIDField(
                        default=new_key, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "active",
                    models.BooleanField(
                        default=True,
                        help_text=(
                            "The user is sent nothing, over any target, and what waits is held"
                            " back. Without the tick the user is notified again."
                        ),
                        verbose_name="active",
                    ),
                ),
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
            name="Preference",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=new_key,
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
        migrations.CreateModel(
            name="Suppression",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=new_key,
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
                    indexes.PartialIndex(
                        fields=["by"], name="consent_log_by", where=models.Q(("by__isnull", False))
                    ),
                ],
            },
        ),
        RunDeferred(),
        migrations.RunPython(create_trigger, drop_trigger),
        migrations.RunPython(create_targets, keep_targets),
    ]
