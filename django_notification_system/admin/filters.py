"""List filters."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from ..models import Notification, NotificationTarget, TargetUserRecord
from ..operations.causes import cause

#: How many errors are offered.
ERRORS_SHOWN = 10
#: How many failures of each status are looked at, the latest.
ERRORS_LOOKED_AT = 300
ENDED_IN_ERROR = (
    Notification.DELIVERY_FAILURE,
    Notification.EXPIRED,
    Notification.INACTIVE_DEVICE,
)


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
            IncorrectLookupParameters: When it is the key of none.
        """
        key = self.value()
        if key is None:
            return []
        users = get_user_model()._base_manager.using(model_admin.get_queryset(request).db)
        try:
            return [(key, users.get(pk=key))]
        except (ObjectDoesNotExist, ValidationError, ValueError, OverflowError) as error:
            raise IncorrectLookupParameters from error

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return what is addressed to any of the person's records."""
        key = self.value()
        return queryset if key is None else notifications_of(key, queryset)


def notifications_of(user_id: Any, notifications: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of a person, by a subquery; joined, MariaDB might begin with the other table."""
    records = TargetUserRecord.objects.using(notifications.db).filter(user=user_id)
    return notifications.filter(target_user_record__in=records)


class ErrorFilter(admin.SimpleListFilter):
    """What failed for one of the errors that are frequent at present.

    Only the latest failures are looked at, so that the list comes as fast in a large table. What
    differs from message to message, such as an address, makes no other error.
    """

    title = _("error")
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the most frequent errors."""
        self.responses: dict[str, Counter[str]] = defaultdict(Counter)
        using = model_admin.get_queryset(request).db
        self.target_ids = list(NotificationTarget.objects.using(using).values_list("pk", flat=True))
        said = Counter(_latest_errors(self.target_ids, using))
        for response, number in said.items():
            self.responses[cause(response)][response] = number
        by_number = Counter({text: each.total() for text, each in self.responses.items()})
        chosen = self.value()
        shown = [text for text, _number in by_number.most_common(ERRORS_SHOWN)]
        if chosen is not None and chosen not in shown:
            shown.append(chosen)
        return [(text, Truncator(text).chars(80)) for text in shown]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return what failed for the error that was chosen, older failures too."""
        if self.value() is None:
            return queryset
        failed = Q(status__in=ENDED_IN_ERROR) | Q(
            status=Notification.RETRY, target__in=self.target_ids
        )
        # Not indexed by itself, as every new subscript would make a Counter.
        responses = self.responses.get(self.value() or "", Counter())
        return queryset.filter(failed, response__in=list(responses))


def _latest_errors(target_ids: Sequence[Any], using: str) -> Iterator[str]:
    rows = Notification.objects.using(using).exclude(response="")
    for status in ENDED_IN_ERROR:
        latest = rows.filter(status=status).order_by("-scheduled_delivery")
        yield from latest.values_list("response", flat=True)[:ERRORS_LOOKED_AT]
    waiting = rows.filter(target__in=target_ids, status=Notification.RETRY).order_by()
    yield from waiting.values_list("response", flat=True)[:ERRORS_LOOKED_AT]
