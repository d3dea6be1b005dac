"""Columns for claims, responses and the digest; no row is rewritten, no table locked for long."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import django_notification_system.models.target


class Migration(migrations.Migration):
    dependencies = [
        ("django_notification_system", "0002_auto_20201201_1720"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
        migrations.AlterModelOptions(
            name="notification",
            options={"verbose_name": "notification", "verbose_name_plural": "notifications"},
        ),
        migrations.AlterModelOptions(
            name="notificationoptout",
            options={
                "verbose_name": "notification opt-out",
                "verbose_name_plural": "notification opt-outs",
            },
        ),
        migrations.AlterModelOptions(
            name="notificationtarget",
            options={
                "verbose_name": "notification target",
                "verbose_name_plural": "notification targets",
            },
        ),
        migrations.AlterModelOptions(
            name="targetuserrecord",
            options={
                "verbose_name": "target user record",
                "verbose_name_plural": "target user records",
            },
        ),
        migrations.AddField(
            model_name="notification",
            name="claim_token",
            field=models.UUIDField(
                blank=True, editable=False, null=True, verbose_name="claim token"
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="claimed_until",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="claimed until"
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="digest",
            field=models.UUIDField(blank=True, editable=False, null=True, verbose_name="digest"),
        ),
        migrations.AddField(
            model_name="notification",
            name="idempotency_key",
            field=models.CharField(
                blank=True,
                editable=False,
                max_length=200,
                null=True,
                verbose_name="idempotency key",
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="provider_message_id",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=200,
                verbose_name="provider's message id",
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="response",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=500,
                verbose_name="response",
            ),
        ),
        migrations.AddField(
            model_name="targetuserrecord",
            name="origin",
            field=models.CharField(
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
        migrations.AlterField(
            model_name="notification",
            name="attempted_delivery",
            field=models.DateTimeField(blank=True, null=True, verbose_name="attempted delivery"),
        ),
        migrations.AlterField(
            model_name="notification",
            name="body",
            field=models.TextField(blank=True, verbose_name="body"),
        ),
        migrations.AlterField(
            model_name="notification",
            name="created_date",
            field=models.DateTimeField(auto_now_add=True, verbose_name="created"),
        ),
        migrations.AlterField(
            model_name="notification",
            name="extra",
            field=models.JSONField(blank=True, default=dict, null=True, verbose_name="extra"),
        ),
        migrations.AlterField(
            model_name="notification",
            name="max_retries",
            field=models.PositiveIntegerField(default=3, verbose_name="max retries"),
        ),
        migrations.AlterField(
            model_name="notification",
            name="modified_date",
            field=models.DateTimeField(auto_now=True, verbose_name="modified"),
        ),
        migrations.AlterField(
            model_name="notification",
            name="retry_attempts",
            field=models.PositiveIntegerField(default=0, verbose_name="retry attempts"),
        ),
        migrations.AlterField(
            model_name="notification",
            name="retry_time_interval",
            field=models.PositiveIntegerField(
                default=0, help_text="In minutes.", verbose_name="retry time interval"
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="scheduled_delivery",
            field=models.DateTimeField(verbose_name="scheduled delivery"),
        ),
        migrations.AlterField(
            model_name="notification",
            name="status",
            field=models.CharField(
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
        migrations.AlterField(
            model_name="notification",
            name="target_user_record",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notifications",
                to="django_notification_system.targetuserrecord",
                verbose_name="target user record",
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="title",
            field=models.CharField(max_length=100, verbose_name="title"),
        ),
        migrations.AlterField(
            model_name="notificationoptout",
            name="active",
            field=models.BooleanField(default=False, verbose_name="active"),
        ),
        migrations.AlterField(
            model_name="notificationoptout",
            name="created_date",
            field=models.DateTimeField(auto_now_add=True, verbose_name="created"),
        ),
        migrations.AlterField(
            model_name="notificationoptout",
            name="modified_date",
            field=models.DateTimeField(auto_now=True, verbose_name="modified"),
        ),
        migrations.AlterField(
            model_name="notificationoptout",
            name="user",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notification_opt_out",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
        migrations.AlterField(
            model_name="notificationtarget",
            name="created_date",
            field=models.DateTimeField(auto_now_add=True, verbose_name="created"),
        ),
        migrations.AlterField(
            model_name="notificationtarget",
            name="modified_date",
            field=models.DateTimeField(auto_now=True, verbose_name="modified"),
        ),
        migrations.AlterField(
            model_name="notificationtarget",
            name="name",
            field=models.CharField(max_length=15, unique=True, verbose_name="name"),
        ),
        migrations.AlterField(
            model_name="notificationtarget",
            name="notification_module_name",
            field=models.CharField(
                help_text="The module that delivers to this target, such as “email”.",
                max_length=50,
                validators=[django_notification_system.models.target.validate_module_name],
                verbose_name="module name",
            ),
        ),
        migrations.AlterField(
            model_name="targetuserrecord",
            name="active",
            field=models.BooleanField(default=True, verbose_name="active"),
        ),
        migrations.AlterField(
            model_name="targetuserrecord",
            name="created_date",
            field=models.DateTimeField(auto_now_add=True, verbose_name="created"),
        ),
        migrations.AlterField(
            model_name="targetuserrecord",
            name="description",
            field=models.CharField(max_length=200, verbose_name="description"),
        ),
        migrations.AlterField(
            model_name="targetuserrecord",
            name="modified_date",
            field=models.DateTimeField(auto_now=True, verbose_name="modified"),
        ),
        migrations.AlterField(
            model_name="targetuserrecord",
            name="target",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                to="django_notification_system.notificationtarget",
                verbose_name="target",
            ),
        ),
        migrations.AlterField(
            model_name="targetuserrecord",
            name="target_user_id",
            field=models.CharField(max_length=254, verbose_name="address"),
        ),
        migrations.AlterField(
            model_name="targetuserrecord",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notification_target_user_records",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
    ]
