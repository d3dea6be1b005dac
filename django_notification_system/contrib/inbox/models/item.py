"""Items: an event in the inbox of one person."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..cursor import Cursor
from .event import InboxEvent
from .item_queryset import InboxItemManager
from .state import ItemState


class InboxItem(models.Model):
    """An event in the inbox of one person.

    Attributes:
        id: The key. A later item has a greater key.
        user: The reader. Backwards: ``user.inbox_items``.
        event: What has happened.
        state: Unread, read, archived or withheld.
        visible_from: The reader sees the item from this moment.
        expires_at: The reader sees the item no more from this moment; empty: always.
        read_at: When the item was first read, or archived unread.
    """

    State = ItemState

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        db_index=False,  # inbox_item_list begins with the user
        related_name="inbox_items",
        verbose_name=_("user"),
    )
    event = models.ForeignKey(
        InboxEvent,
        on_delete=models.CASCADE,
        db_index=False,  # the constraint's index begins with the event
        related_name="items",
        verbose_name=_("event"),
    )
    state = models.SmallIntegerField(
        _("state"), choices=ItemState, default=ItemState.UNREAD, db_default=ItemState.UNREAD
    )
    visible_from = models.DateTimeField(_("visible from"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)

    objects = InboxItemManager()

    class Meta:
        db_table = "notification_system_inbox_item"
        verbose_name = _("item")
        verbose_name_plural = _("items")
        constraints = [
            models.UniqueConstraint(fields=["event", "user"], name="inbox_item_unique"),
        ]
        indexes = [
            models.Index(fields=["user", "state", "visible_from"], name="inbox_item_list"),
        ]

    def __str__(self) -> str:
        return f"{self.event} ({self.get_state_display()})"

    @property
    def is_unread(self) -> bool:
        """Whether the item is unread."""
        return self.state == ItemState.UNREAD

    @property
    def cursor(self) -> str:
        """The item's place in the list, for the page behind: ``newest(20, before=cursor)``."""
        return str(Cursor(visible_from=self.visible_from, pk=self.pk))

    def as_dict(self) -> dict[str, Any]:
        """Return the item with its event as values that JSON can store.

        The objects of the event are given by model and key; none is loaded.
        """
        event = self.event
        return {
            "id": self.pk,
            "event": str(event.pk),
            "state": ItemState(self.state).name.lower(),
            "category": event.category,
            "type": event.type,
            "level": event.level,
            "title": event.title,
            "body": event.body,
            "url": event.url,
            "verb": event.verb,
            "actor": event.reference("actor"),
            "about": event.reference("about"),
            "action_object": event.reference("action_object"),
            "data": event.own_data,
            "created": event.created.isoformat(),
            "visible_from": self.visible_from.isoformat(),
            "expires_at": self.expires_at and self.expires_at.isoformat(),
            "read_at": self.read_at and self.read_at.isoformat(),
        }
