"""Events: what has happened, told once for all readers."""

from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ....categories import KEY_MAX_LENGTH
from ....models.indexes import PartialIndex
from ....models.keys import new_key

#: Where an event's ``data`` has the parameters of its type.
PARAMS = "params"
TITLE_MAX_LENGTH = 200
URL_MAX_LENGTH = 500
VERB_MAX_LENGTH = 255
TYPE_MAX_LENGTH = 200
OBJECT_ID_MAX_LENGTH = 255


def _content_type(verbose_name: Any) -> Any:
    """Return the half of a generic key that names the model.

    Without a constraint of the database's: MariaDB would make an index for each constraint.

    Args:
        verbose_name: The field's name for people.
    """
    return models.ForeignKey(
        ContentType,
        on_delete=models.SET_NULL,
        db_constraint=False,
        db_index=False,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=verbose_name,
    )


def _object_id(verbose_name: Any) -> Any:
    return models.CharField(
        verbose_name, max_length=OBJECT_ID_MAX_LENGTH, blank=True, default="", db_default=""
    )


class InboxEvent(models.Model):
    """What has happened, told once for all readers: 100,000 people share one text.

    Never put a reader's name into an event. The objects of the three generic keys may vanish; the
    event stays, with its title.

    Attributes:
        id: The key; for an event with an idempotency key, made of that key.
        category: The key of the category; empty without a category.
        type: The key of the notification type; empty without a type.
        level: How the page shows the event.
        title: One line of at most 200 characters, as plain text.
        body: The message, as plain text; may be empty.
        url: Where the event leads: a path of the site (``/…``), or an address with http or https.
        verb: What the actor did, such as ``commented``.
        actor: The object that has done something.
        about: The object that the event is about.
        action_object: The object that the actor made or used.
        data: A JSON object with the project's own values.
        created: When the event happened.
        keep_until: A purge keeps the items until this moment, for the fallbacks that ask about
            them; empty: no fallback asks.
    """

    class Level(models.TextChoices):
        """How a page shows an event."""

        SUCCESS = "success", _("Success")
        INFO = "info", _("Information")
        WARNING = "warning", _("Warning")
        ERROR = "error", _("Error")

    id = models.UUIDField(primary_key=True, default=new_key, editable=False)
    category = models.CharField(
        _("category"), max_length=KEY_MAX_LENGTH, blank=True, default="", db_default=""
    )
    type = models.CharField(
        _("type"), max_length=TYPE_MAX_LENGTH, blank=True, default="", db_default=""
    )
    level = models.CharField(
        _("level"), max_length=8, choices=Level, default=Level.INFO, db_default=Level.INFO
    )
    title = models.CharField(_("title"), max_length=TITLE_MAX_LENGTH)
    body = models.TextField(_("body"), blank=True, default="")
    url = models.CharField(
        _("address"), max_length=URL_MAX_LENGTH, blank=True, default="", db_default=""
    )
    verb = models.CharField(
        _("verb"), max_length=VERB_MAX_LENGTH, blank=True, default="", db_default=""
    )
    actor_content_type = _content_type(_("kind of actor"))
    actor_object_id = _object_id(_("key of the actor"))
    actor = GenericForeignKey("actor_content_type", "actor_object_id")
    about_content_type = _content_type(_("kind of object"))
    about_object_id = _object_id(_("key of the object"))
    about = GenericForeignKey("about_content_type", "about_object_id")
    action_object_content_type = _content_type(_("kind of the action's object"))
    action_object_object_id = _object_id(_("key of the action's object"))
    action_object = GenericForeignKey("action_object_content_type", "action_object_object_id")
    data = models.JSONField(_("data"), blank=True, default=dict)
    created = models.DateTimeField(_("created"), default=timezone.now)
    keep_until = models.DateTimeField(_("keep until"), null=True, blank=True, editable=False)

    class Meta:
        db_table = "notification_system_inbox_event"
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            PartialIndex(
                fields=["about_content_type", "about_object_id"],
                name="inbox_event_about",
                where=models.Q(about_content_type__isnull=False),
            ),
            PartialIndex(
                fields=["actor_content_type", "actor_object_id"],
                name="inbox_event_actor",
                where=models.Q(actor_content_type__isnull=False),
            ),
            # For the admin's list: a key made of an idempotency key says nothing of the moment.
            models.Index(fields=["created"], name="inbox_event_created"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def own_data(self) -> Any:
        """The project's values in ``data``, without the parameters of a type.

        Parameters are for templates on the server: a reader's browser gets what these show.
        """
        # The key of a type has a dot; an event with another type may have any data.
        if "." not in self.type or not isinstance(self.data, dict):
            return self.data
        return {name: value for name, value in self.data.items() if name != PARAMS}

    def reference(self, name: str) -> dict[str, str] | None:
        """Return the model and key of one of the event's objects, without loading the object.

        Args:
            name: ``actor``, ``about`` or ``action_object``.
        """
        kind_id = getattr(self, f"{name}_content_type_id")
        if kind_id is None:
            return None
        manager = ContentType.objects.db_manager(self._state.db)
        kind = manager.get_for_id(kind_id)
        return {
            "model": f"{kind.app_label}.{kind.model}",
            "id": getattr(self, f"{name}_object_id"),
        }
