"""The admin of opt-outs."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import NotificationOptOut
from .base import NotificationSystemAdmin
from .listing.search import user_search_fields


@admin.register(NotificationOptOut)
class NotificationOptOutAdmin(NotificationSystemAdmin):
    """The admin of opt-outs."""

    list_display = ("user", "active", "modified_date")
    named_by = ("user",)
    list_filter = ("active",)
    sortable_by = ("active", "modified_date")
    search_fields = user_search_fields("user__")
    search_help_text = _("Users.")
    ordering = ("-user_id",)
    searched_fields = ("user",)
    fields = ("user", "active")

    def get_readonly_fields(
        self, request: HttpRequest, obj: NotificationOptOut | None = None
    ) -> Any:
        """Keep the user: the stopped notifications are the user's."""
        return () if obj is None else ("user", "created_date", "modified_date")

    def get_fields(self, request: HttpRequest, obj: NotificationOptOut | None = None) -> Any:
        """Add the fields of an existing opt-out."""
        return self.fields if obj is None else (*self.fields, "created_date", "modified_date")
