"""List filters, and what lists are searched by."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
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


def user_search_fields(prefix: str, user_model: type[Model] | None = None) -> list[str]:
    """Return the lookups that find a user by name or email address.

    Args:
        prefix: The path to the user, such as ``"user__"``.
        user_model: By default the project's.
    """
    return [f"{prefix}{name}" for name in _user_search_names(user_model or get_user_model())]


def _user_search_names(user_model: Any) -> Iterator[str]:
    names = [
        user_model.USERNAME_FIELD,
        user_model.get_email_field_name(),
        "first_name",
        "last_name",
    ]
    for name in dict.fromkeys(names):
        try:
            field = user_model._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        if not field.is_relation:  # USERNAME_FIELD may be a foreign key, which has no text
            yield name
