"""The admin of the log of consent, which nobody changes."""

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import ConsentLog
from .base import ReadOnlyAdmin
from .labels import category_label, state_label
from .listing.search import user_search_fields
from .moments import short


@admin.register(ConsentLog)
class ConsentLogAdmin(ReadOnlyAdmin):
    """Who said yes or no, when, and how: preferences and suppressions write the log."""

    list_display = (
        "moment",
        "user",
        "shown_category",
        "target_key",
        "shown_before",
        "shown_after",
        "how",
        "by",
    )
    named_by = ("user", "by")
    list_filter = ("how",)
    search_fields = user_search_fields("user__")
    search_help_text = _("Users.")
    ordering = ("-pk",)  # the newest first: the key is a number that is counted up

    fields = readonly_fields = (
        "at",
        "user",
        "shown_category",
        "target_key",
        "shown_before",
        "shown_after",
        "how",
        "by",
        "ip",
        "wording",
        "address_hash",
    )

    @admin.display(description=_("time"))
    def moment(self, entry: ConsentLog) -> SafeString:
        """Return when the entry was made."""
        return short(entry.at)

    @admin.display(description=_("category"))
    def shown_category(self, entry: ConsentLog) -> Any:
        """Return the label of the category."""
        return category_label(entry.category)

    @admin.display(description=_("before"))
    def shown_before(self, entry: ConsentLog) -> Any:
        """Return the label of the state before."""
        return state_label(entry.before)

    @admin.display(description=_("after"))
    def shown_after(self, entry: ConsentLog) -> Any:
        """Return the label of the state since."""
        return state_label(entry.after)
