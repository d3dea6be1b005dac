"""The filters by error: among the latest failures, or in a span of time."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from ...models import Notification, NotificationTarget
from ...models.notification_queryset import NotificationQuerySet
from ...models.statuses import ENDED_IN_ERROR
from ...operations.queue.causes import cause
from ...operations.queue.counts import latest_failures
from ..moments import plain
from ..visible import visible_notifications
from .range_filter import RangeFilter

#: How many errors are offered.
ERRORS_SHOWN = 10
#: The number of failures read for each status, the latest first.
ERRORS_LOOKED_AT = 300


class AttemptedInFilter(admin.SimpleListFilter):
    """The notifications last attempted in a span of time, for the dashboard; otherwise hidden."""

    title = _("attempted delivery")
    parameter_name = "attempted_in"

    @staticmethod
    def value_of(since: datetime, until: datetime) -> str:
        """Return the parameter's value for a span, first and last moment included.

        Args:
            since: The first moment.
            until: The last moment.
        """
        return f"{since.isoformat()}/{until.isoformat()}"

    @classmethod
    def span_in(cls, request: HttpRequest) -> tuple[datetime, datetime] | None:
        """Return the chosen span, or ``None``.

        Args:
            request: The person's request.

        Raises:
            IncorrectLookupParameters: When the value is no span.
        """
        chosen = request.GET.get(cls.parameter_name)
        if chosen is None:
            return None
        since, _slash, until = chosen.partition("/")
        try:
            span = parse_datetime(since), parse_datetime(until)
        except ValueError as error:
            raise IncorrectLookupParameters from error
        if any(each is None or timezone.is_aware(each) != settings.USE_TZ for each in span):
            raise IncorrectLookupParameters
        return span  # type: ignore[return-value] # no moment is None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the chosen span."""
        self.span = self.span_in(request)
        if self.span is None:
            return []
        return [(str(self.value()), " \N{EN DASH} ".join(map(plain, self.span)))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the notifications last attempted in the span."""
        if self.span is None:
            return queryset
        since, until = self.span
        return queryset.filter(attempted_delivery__gte=since, attempted_delivery__lte=until)


class ErrorFilter(RangeFilter):
    """The notifications that failed with an error that is frequent at present.

    Only the latest failures are read, so that a large table is no slower. Parts that vary by
    message, such as an address, do not make a different error. With a span of time, the rows are
    those that the dashboard counts.
    """

    title = _("error")
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the most frequent errors."""
        rows = visible_notifications(model_admin, request)
        if span := AttemptedInFilter.span_in(request):
            return self._lookups_in(span, rows)
        responses: dict[str, list[str]] = defaultdict(list)
        by_number: Counter[str] = Counter()
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
        return _shortened(shown)

    def _lookups_in(
        self, span: tuple[datetime, datetime], rows: NotificationQuerySet
    ) -> list[tuple[str, Any]]:
        """Return the most frequent errors of a span of time."""
        keys: dict[str, list[uuid.UUID]] = defaultdict(list)
        for key, _target, response in latest_failures(*span, using=rows.db, among=rows):
            keys[cause(response)].append(key)
        by_number = Counter({text: len(of_text) for text, of_text in keys.items()})
        shown = [text for text, _number in by_number.most_common(ERRORS_SHOWN)]
        chosen = self.value()
        if chosen is not None:
            self.condition = Q(pk__in=keys.get(chosen, []))
            if chosen not in shown:
                shown.append(chosen)
        return _shortened(shown)


def _shortened(errors: list[str]) -> list[tuple[str, Any]]:
    return [(text, Truncator(text).chars(80) or "\N{EN DASH}") for text in errors]


def _latest_errors(notifications: NotificationQuerySet) -> Iterator[str]:
    targets = NotificationTarget.objects.using(notifications.db)
    # Read first, because the index begins with the targets' keys.
    target_ids = list(targets.values_list("pk", flat=True))
    rows = notifications.exclude(response="")
    for status in ENDED_IN_ERROR:
        latest = rows.filter(status=status).order_by("-scheduled_delivery")
        yield from latest.values_list("response", flat=True)[:ERRORS_LOOKED_AT]
    waiting = rows.filter(target__in=target_ids, status=Notification.RETRY).order_by()
    yield from waiting.values_list("response", flat=True)[:ERRORS_LOOKED_AT]
