"""Items as their reader sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from .models import InboxEvent, InboxItem
from .rendering import TypedItems

NAMESPACE = "django_notification_system_inbox"
#: How an address begins that a link may lead to; ``javascript:`` is a program.
SAFE_BEGINNINGS = ("/", "http://", "https://")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """An item, for the template ``item.html``.

    Attributes:
        item: The item, with its event.
        html: The item in the language that is active, from the type's template ``inbox.html``;
            empty without a type or such a template.
    """

    item: InboxItem
    html: SafeString

    @property
    def title(self) -> str:
        """The stored title."""
        return self.item.event.title

    @property
    def body(self) -> str:
        """The stored body."""
        return self.item.event.body

    @property
    def url(self) -> str:
        """The address that the item leads to; empty for an unsafe one."""
        return safe_url(self.item.event.url)

    @property
    def level(self) -> str:
        """The level, for a class of the style sheet."""
        return self.item.event.level

    @property
    def level_label(self) -> str:
        """The level as a word; empty for the usual level."""
        event = self.item.event
        return "" if event.level == InboxEvent.Level.INFO else str(event.get_level_display())

    @property
    def moment(self) -> datetime:
        """When the item came into the inbox."""
        return self.item.visible_from

    @property
    def ago(self) -> str:
        """How long ago that was, roughly, in the language that is active."""
        span = timesince(self.moment, depth=1)
        is_now = timezone.now() - self.moment < timedelta(minutes=1)
        return _("just now") if is_now else _("%(span)s ago") % {"span": span}

    @property
    def is_unread(self) -> bool:
        """Whether the item is unread."""
        return self.item.is_unread

    @property
    def is_archived(self) -> bool:
        """Whether the item is archived."""
        return self.item.state == InboxItem.State.ARCHIVED

    @property
    def read_url(self) -> str:
        """Where a POST marks the item as read."""
        return self._url("read")

    @property
    def unread_url(self) -> str:
        """Where a POST marks the item as unread, an archived one too."""
        return self._url("mark_unread")

    @property
    def archive_url(self) -> str:
        """Where a POST archives the item."""
        return self._url("archive")

    def as_dict(self) -> dict[str, Any]:
        """Return ``InboxItem.as_dict()`` with the HTML; an unsafe address is left out."""
        return {**self.item.as_dict(), "url": self.url, "html": self.html or None}

    def _url(self, name: str) -> str:
        return reverse(f"{NAMESPACE}:{name}", args=[self.item.pk])


def safe_url(url: str) -> str:
    """Return an address that a link may lead to, or an empty text.

    ``notify()`` refuses other addresses. A row may come from elsewhere.

    Args:
        url: The stored address.
    """
    return url if url.lower().startswith(SAFE_BEGINNINGS) else ""


def shown(items: Sequence[InboxItem], reader: Any, typed: TypedItems | None = None) -> list[Shown]:
    """Return items as their reader sees them, in the language that is active.

    Args:
        items: The items, with their events.
        reader: The reader.
        typed: What the templates show, read for many readers; by default read now.
    """
    html = (TypedItems(items) if typed is None else typed).html_of(items, reader)
    return [Shown(item=item, html=html.get(item.pk, SafeString())) for item in items]
