"""Events and items of the inbox: two new tables."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import django_notification_system.models.indexes
import django_notification_system.models.keys


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="InboxEvent",
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
                    "type",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=200, verbose_name="type"
                    ),
                ),
                (
                    "level",
                    models.CharField(
                        choices=[
                            ("success", "Success"),
                            ("info", "Information"),
                            ("warning", "Warning"),
                            ("error", "Error"),
                        ],
                        db_default="info",
                        default="info",
                        max_length=8,
                        verbose_name="level",
                    ),
                ),
                ("title", models.CharField(max_length=200, verbose_name="title")),
                ("body", models.TextField(blank=True, default="", verbose_name="body")),
                (
                    "url",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=500,
                        verbose_name="address",
                    ),
                ),
                (
                    "verb",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=255, verbose_name="verb"
                    ),
                ),
                (
                    "actor_object_id",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=255,
                        verbose_name="key of the actor",
                    ),
                ),
                (
                    "about_object_id",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=255,
                        verbose_name="key of the object",
                    ),
                ),
                (
                    "action_object_object_id",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=255,
                        verbose_name="key of the action's object",
                    ),
                ),
                ("data", models.JSONField(blank=True, default=dict, verbose_name="data")),
                (
                    "created",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="created"),
                ),
                (
                    "about_content_type",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="contenttypes.contenttype",
                        verbose_name="kind of object",
                    ),
                ),
                (
                    "action_object_content_type",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="contenttypes.contenttype",
                        verbose_name="kind of the action's object",
                    ),
                ),
                (
                    "actor_content_type",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="contenttypes.contenttype",
                        verbose_name="kind of actor",
                    ),
                ),
            ],
            options={
                "verbose_name": "event",
                "verbose_name_plural": "events",
                "db_table": "notification_system_inbox_event",
            },
        ),
        migrations.CreateModel(
            name="InboxItem",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "state",
                    models.SmallIntegerField(
                        choices=[(0, "Unread"), (1, "Read"), (2, "Archived")],
                        db_default=0,
                        default=0,
                        verbose_name="state",
                    ),
                ),
                (
                    "visible_from",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="visible from"
                    ),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="expires")),
                ("read_at", models.DateTimeField(blank=True, null=True, verbose_name="read at")),
                (
                    "event",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="django_notification_system_inbox.inboxevent",
                        verbose_name="event",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="inbox_items",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "item",
                "verbose_name_plural": "items",
                "db_table": "notification_system_inbox_item",
            },
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=django_notification_system.models.indexes.PartialIndex(
                fields=["about_content_type", "about_object_id"],
                name="inbox_event_about",
                where=models.Q(("about_content_type__isnull", False)),
            ),
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=django_notification_system.models.indexes.PartialIndex(
                fields=["actor_content_type", "actor_object_id"],
                name="inbox_event_actor",
                where=models.Q(("actor_content_type__isnull", False)),
            ),
        ),
        migrations.AddIndex(
            model_name="inboxitem",
            index=models.Index(fields=["user", "state", "visible_from"], name="inbox_item_list"),
        ),
        migrations.AddConstraint(
            model_name="inboxitem",
            constraint=models.UniqueConstraint(fields=("event", "user"), name="inbox_item_unique"),
        ),
    ]
