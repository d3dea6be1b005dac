"""A notification's attempts, to be read on its page."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import Notification, NotificationAttempt

if TYPE_CHECKING:
    InlineFormSet = BaseInlineFormSet[NotificationAttempt, Notification, Any]
    TabularInline = admin.TabularInline[NotificationAttempt, Notification]
else:
    InlineFormSet = BaseInlineFormSet
    TabularInline = admin.TabularInline

#: How many attempts a page shows, the newest.
SHOWN = 100


class ReadOnlyFormSet(InlineFormSet):
    """Shows rows and takes none.

    Django's own asks for the rows that the page showed. A delivery may have added one since, and
    the person's change of the notification would be refused for it.
    """

    def __init__(self, data: Any = None, files: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.new_objects: list[Any] = []
        self.changed_objects: list[Any] = []
        self.deleted_objects: list[Any] = []

    def get_queryset(self) -> QuerySet[NotificationAttempt]:
        """Return the newest."""
        if not hasattr(self, "_queryset"):
            self._queryset = super().get_queryset()[:SHOWN]
        return self._queryset

    def is_valid(self) -> bool:
        """Say yes: there is nothing that could be wrong."""
        return True

    def save(self, commit: bool = True) -> list[Any]:
        """Save nothing."""
        return []


class AttemptInline(TabularInline):
    """The history of a notification, for whoever may see the notification."""

    model = NotificationAttempt
    formset = ReadOnlyFormSet
    fields = readonly_fields = ("attempted_at", "result", "response", "provider_message_id")
    ordering = ("-attempted_at",)
    extra = 0
    can_delete = False
    verbose_name_plural = _("history")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say yes: the page is the notification's, and has asked."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no: only delivering makes one."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no: it is what happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no: it goes with its notification."""
        return False
