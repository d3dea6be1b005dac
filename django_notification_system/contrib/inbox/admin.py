"""The admin of the inbox, in which nobody changes anything."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ...admin.base import ReadOnlyAdmin
from ...admin.listing.search import user_search_fields
from .models import InboxEvent, InboxItem


@admin.register(InboxItem)
class InboxItemAdmin(ReadOnlyAdmin):
    """Who has which event, and what the reader has done with the item."""

    list_display = ("visible_from", "user", "state", "title")
    named_by = ("user", "event")
    search_fields = user_search_fields("user__")
    ordering = ("-pk",)  # the newest first: the key is a number that is counted up
    fields = readonly_fields = ("user", "event", "state", "visible_from", "expires_at", "read_at")

    @admin.display(description=_("title"))
    def title(self, item: InboxItem) -> str:
        """Return the event's title; Django's list does not wrap the name of a related object.

        Args:
            item: The row.
        """
        return item.event.title


@admin.register(InboxEvent)
class InboxEventAdmin(ReadOnlyAdmin):
    """What has happened, told once for all readers."""

    list_display = ("created", "title", "category", "level")
    ordering = ("-created",)
    fields = readonly_fields = (
        "title",
        "body",
        "url",
        "category",
        "type",
        "level",
        "verb",
        "data",
        "created",
    )
