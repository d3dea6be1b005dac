"""List filters."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class JustMeFilter(admin.SimpleListFilter):
    """The rows of the person who looks."""

    title = _("user")
    parameter_name = "just_me"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the one choice beside "All"."""
        return [("true", _("Just me"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the user who is logged in, where that was chosen."""
        return queryset.filter(user=request.user) if self.value() == "true" else queryset
