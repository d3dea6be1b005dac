"""List filters."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from ...models import Notification, NotificationTarget, TargetUserRecord
from ...models.notification import HIGHEST_PRIORITY, NotificationQuerySet
from ...models.prioritised import IS_PRIORITISED
from ...operations.queue.causes import cause
from ..visible import may_name_user, visible_notifications, visible_targets
from .ranges import STATUSES

#: How many errors are offered.
ERRORS_SHOWN = 10
#: How many failures of each status are looked at, the latest.
ERRORS_LOOKED_AT = 300
ENDED_IN_ERROR = (
    Notification.DELIVERY_FAILURE,
    Notification.EXPIRED,
    Notification.INACTIVE_DEVICE,
)


class LaneFilter(admin.SimpleListFilter):
    """A filter that says in which statuses and targets to look; the list does the rest.

    See ``lanes.py``.
    """

    #: The statuses of what it shows; ``None``: any.
    statuses: tuple[str, ...] | None = None
    #: The key of the target whose notifications it shows; ``None``: any.
    target_id: uuid.UUID | None = None
    #: What else holds of each row that it shows.
    condition = Q()
    #: Whether only the latest rows are looked at for the condition.
    looks_at_latest = False

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return them all: the list looks."""
        return queryset


class StatusFilter(LaneFilter):
    """What has a status."""

    title = _("status")
    parameter_name = "status__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return the statuses."""
        self.statuses = None if self.value() is None else (str(self.value()),)
        return Notification.STATUS_CHOICES


class TargetFilter(LaneFilter):
    """What goes to a target."""

    title = _("target")
    parameter_name = "target_user_record__target__id__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the targets.

        Raises:
            IncorrectLookupParameters: When what was chosen is no key.
        """
        if self.value() is not None:
            try:
                self.target_id = uuid.UUID(self.value())
            except ValueError as error:
                raise IncorrectLookupParameters from error
        targets = visible_targets(model_admin, request)
        return [(str(target.pk), target) for target in targets.order_by("name")]


class AttemptedFilter(LaneFilter):
    """What was attempted, or was not."""

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
    """Whether a search looks at all there is; shown with what is searched."""

    title = _("extent of the search")
    parameter_name = "extent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the one choice beside the quick search."""
        is_search = request.GET.get(SEARCH_VAR) or request.GET.get(ErrorFilter.parameter_name)
        return [("all", _("Everything (takes longer)"))] if is_search else []

    def choices(self, changelist: Any) -> Any:
        """Call the default what it is."""
        quick, *others = super().choices(changelist)
        return [{**quick, "display": _("Quick")}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return them all: the search asks ``searches_everything()``."""
        return queryset


def searches_everything(request: HttpRequest) -> bool:
    """Tell whether the person wants to wait for a search of all there is."""
    return request.GET.get(ExtentFilter.parameter_name) == "all"


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


class PersonFilter(admin.SimpleListFilter):
    """The notifications of one person, for links from elsewhere; otherwise it is not shown."""

    title = _("person")
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the person that was chosen.

        Raises:
            IncorrectLookupParameters: When it is the key of none, or of one of whom the visitor
                may not know.
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
        """Return what is addressed to any of the person's records."""
        key = self.value()
        return queryset if key is None else notifications_of(key, queryset)


def notifications_of(user_id: Any, notifications: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of a person, by a subquery; joined, MariaDB might begin with the other table."""
    records = TargetUserRecord.objects.using(notifications.db).filter(user=user_id)
    return notifications.filter(target_user_record__in=records)


class ErrorFilter(LaneFilter):
    """What failed for one of the errors that are frequent at present.

    Only the latest failures are looked at, so that the list comes as fast in a large table. What
    differs from message to message, such as an address, makes no other error.
    """

    title = _("error")
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the most frequent errors."""
        responses: dict[str, list[str]] = defaultdict(list)
        by_number: Counter[str] = Counter()
        rows = visible_notifications(model_admin, request)
        for response, number in Counter(_latest_errors(rows)).items():
            responses[cause(response)].append(response)
            by_number[cause(response)] += number
        shown = [text for text, _number in by_number.most_common(ERRORS_SHOWN)]
        chosen = self.value()
        if chosen is not None:
            self.statuses = (*ENDED_IN_ERROR, Notification.RETRY)
            self.condition = Q(response__in=responses.get(chosen, []))
            self.looks_at_latest = True
            if chosen not in shown:
                shown.append(chosen)
        return [(text, Truncator(text).chars(80)) for text in shown]


class PriorityFilter(admin.SimpleListFilter):
    """What waits and has a priority: the few rows of an index."""

    title = _("waiting, by priority")
    parameter_name = "priority"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return those above 0, the highest first, and all of them together."""
        levels = [(str(level), str(level)) for level in range(HIGHEST_PRIORITY, 0, -1)]
        return [("any", _("Any above 0")), *levels]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return what waits with the priority that was chosen.

        Raises:
            IncorrectLookupParameters: When it is none.
        """
        chosen = self.value()
        if chosen is None:
            return queryset
        if chosen not in dict(self.lookup_choices):
            raise IncorrectLookupParameters
        targets = NotificationTarget.objects.using(queryset.db)
        # Read first, as the index begins with them.
        target_ids = list(targets.values_list("pk", flat=True))
        waiting = queryset.filter(IS_PRIORITISED, target__in=target_ids)
        return waiting if chosen == "any" else waiting.filter(priority=int(chosen))


def _latest_errors(notifications: NotificationQuerySet) -> Iterator[str]:
    targets = NotificationTarget.objects.using(notifications.db)
    # Read first, as the index begins with them.
    target_ids = list(targets.values_list("pk", flat=True))
    rows = notifications.exclude(response="")
    for status in ENDED_IN_ERROR:
        latest = rows.filter(status=status).order_by("-scheduled_delivery")
        yield from latest.values_list("response", flat=True)[:ERRORS_LOOKED_AT]
    waiting = rows.filter(target__in=target_ids, status=Notification.RETRY).order_by()
    yield from waiting.values_list("response", flat=True)[:ERRORS_LOOKED_AT]
