"""List filters."""

import uuid
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ...categories import all_categories
from ...models import Notification, NotificationTarget, TargetUserRecord
from ...models.indexes import IS_PRIORITISED
from ...models.notification import HIGHEST_PRIORITY
from ..visible import may_name_record, may_name_user, visible_targets
from .errors import ErrorFilter
from .range_filter import RangeFilter
from .ranges import STATUSES


class StatusFilter(RangeFilter):
    """The notifications with a status."""

    title = _("status")
    parameter_name = "status__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return the statuses."""
        self.statuses = None if self.value() is None else (str(self.value()),)
        return Notification.STATUS_CHOICES


class TargetFilter(RangeFilter):
    """The notifications for a target."""

    title = _("target")
    parameter_name = "target_user_record__target__id__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the targets.

        Raises:
            IncorrectLookupParameters: When the chosen value is no key.
        """
        if self.value() is not None:
            try:
                self.target_id = uuid.UUID(self.value())
            except ValueError as error:
                raise IncorrectLookupParameters from error
        targets = visible_targets(model_admin, request)
        return [(str(target.pk), target) for target in targets.order_by("name")]


class AttemptedFilter(RangeFilter):
    """The notifications with or without an attempt."""

    title = _("attempted delivery")
    parameter_name = "attempted_delivery__isempty"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the two choices."""
        if self.value() is not None:
            is_empty = self.value() == "1"
            self.condition = Q(attempted_delivery__isnull=is_empty)
            # The model refuses to be scheduled and attempted, or delivered and not attempted.
            impossible = Notification.ATTEMPTED_STATUSES if is_empty else (Notification.SCHEDULED,)
            self.statuses = tuple(status for status in STATUSES if status not in impossible)
        return [("1", _("Empty")), ("0", _("Not empty"))]


class ExtentFilter(admin.SimpleListFilter):
    """Whether a search reads all rows; shown with a search."""

    title = _("extent of the search")
    parameter_name = "extent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the only choice beside the quick search."""
        parameters = (SEARCH_VAR, ErrorFilter.parameter_name, CategoryFilter.parameter_name)
        is_search = any(request.GET.get(name) for name in parameters)
        return [("all", _("Everything (takes longer)"))] if is_search else []

    def choices(self, changelist: Any) -> Any:
        """Call the default choice quick."""
        quick, *others = super().choices(changelist)
        return [{**quick, "display": _("Quick")}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return all rows: the search asks ``searches_everything()``."""
        return queryset


def searches_everything(request: HttpRequest) -> bool:
    """Tell whether the person wants to wait for a search of all there is.

    Args:
        request: The person's request.
    """
    return request.GET.get(ExtentFilter.parameter_name) == "all"


class JustMeFilter(admin.SimpleListFilter):
    """The visitor's own rows."""

    title = _("user")
    parameter_name = "just_me"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the only choice beside "All"."""
        return [("true", _("Just me"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the logged-in user, if chosen."""
        return queryset.filter(user=request.user) if self.value() == "true" else queryset


class PersonFilter(admin.SimpleListFilter):
    """The notifications of one person, for links from other pages; otherwise hidden."""

    title = _("person")
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the chosen person.

        Raises:
            IncorrectLookupParameters: When no user has the key, or the visitor may not know of the
                user.
        """
        key = self.value()
        if key is None:
            return []
        users = get_user_model()._base_manager.using(model_admin.get_queryset(request).db)
        try:
            user = users.get(pk=key)
        except (ObjectDoesNotExist, ValidationError, ValueError, OverflowError) as error:
            raise IncorrectLookupParameters from error
        if not may_name_user(model_admin, request, user):
            raise IncorrectLookupParameters
        return [(key, user)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the notifications for all records of the person."""
        key = self.value()
        return queryset if key is None else notifications_of(key, queryset)


class RecordFilter(PersonFilter):
    """The notifications of one record, for links from a record without a user; otherwise hidden."""

    title = _("recipient")
    parameter_name = "record"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the chosen record.

        Raises:
            IncorrectLookupParameters: When no record has the key, or the visitor may not know of
                the record.
        """
        key = self.value()
        if key is None:
            return []
        records = TargetUserRecord.objects.using(model_admin.get_queryset(request).db)
        try:
            record = records.select_related("user").get(pk=key)
        except (ObjectDoesNotExist, ValidationError, ValueError) as error:
            raise IncorrectLookupParameters from error
        if not may_name_record(model_admin, request, record):
            raise IncorrectLookupParameters
        return [(key, record.target_user_id)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the notifications of the record."""
        key = self.value()
        return queryset if key is None else queryset.filter(target_user_record=key)


class AccountFilter(admin.SimpleListFilter):
    """The records with a user, or without."""

    title = _("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the two choices."""
        return [("yes", _("With an account")), ("no", _("Without an account"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the chosen records."""
        if self.value() is None:
            return queryset
        return queryset.filter(user__isnull=self.value() == "no")


def notifications_of(user_id: Any, notifications: QuerySet[Any]) -> QuerySet[Any]:
    """Return a person's notifications by a subquery; a join might start at the wrong table.

    Args:
        user_id: The person's key.
        notifications: The notifications to choose from.
    """
    records = TargetUserRecord.objects.using(notifications.db).filter(user=user_id)
    return notifications.filter(target_user_record__in=records)


class CategoryFilter(RangeFilter):
    """The notifications of a category, among the latest: no index has the category.

    Hidden while the project has no categories.
    """

    title = _("category")
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the known categories, and a chosen category that is known no more."""
        labels = {category.key: category.label for category in all_categories()}
        chosen = self.value()
        if chosen is not None:
            self.condition = Q(category=chosen)
            self.looks_at_latest = True
            labels.setdefault(chosen, chosen)
        return list(labels.items())


class PriorityFilter(admin.SimpleListFilter):
    """The waiting notifications with a priority: the few rows of an index."""

    title = _("waiting, by priority")
    parameter_name = "priority"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the priorities above 0, the highest first, and all of them together."""
        levels = [(str(level), str(level)) for level in range(HIGHEST_PRIORITY, 0, -1)]
        return [("any", _("Any above 0")), *levels]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the waiting notifications with the chosen priority.

        Raises:
            IncorrectLookupParameters: When the chosen value is no priority.
        """
        chosen = self.value()
        if chosen is None:
            return queryset
        if chosen not in dict(self.lookup_choices):
            raise IncorrectLookupParameters
        targets = NotificationTarget.objects.using(queryset.db)
        # Read first, because the index begins with the targets' keys.
        target_ids = list(targets.values_list("pk", flat=True))
        waiting = queryset.filter(IS_PRIORITISED, target__in=target_ids)
        return waiting if chosen == "any" else waiting.filter(priority=int(chosen))
