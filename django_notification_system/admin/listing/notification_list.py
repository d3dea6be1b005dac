"""The list of notifications: periods and badges without a scan of the table."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import InvalidPage
from django.db.models import QuerySet
from django.db.models.expressions import OrderBy
from django.http import HttpRequest
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from ...models import Notification
from ...models.indexes import ordering
from ..moments import local
from .errors import AttemptedInFilter
from .filters import PersonFilter
from .range_filter import RangeFilter
from .search import words
from .selection import select

#: Number of years offered before and after this year, whatever lies between first and last.
YEARS_BEFORE, YEARS_AFTER = 15, 5

#: Filters that leave few rows, or the rows of another index: no ranges are needed.
NARROW = (PersonFilter, AttemptedInFilter)

#: A class of the style sheet, and a sign for people who do not see the class's colour.
BADGES = {
    Notification.CANCELLED: ("off", "⊘"),
    Notification.DELIVERED: ("good", "✓"),
    Notification.DELIVERY_FAILURE: ("bad", "✗"),
    Notification.EXPIRED: ("bad", "⧖"),
    Notification.INACTIVE_DEVICE: ("bad", "⊝"),
    Notification.OPTED_OUT: ("off", "⊘"),
    Notification.RETRY: ("again", "↻"),
    Notification.SCHEDULED: ("waits", "◷"),
}


def badge(notification: Notification) -> SafeString:
    """Return a notification's status, to be told at a glance and without colours too.

    Args:
        notification: The notification.
    """
    kind, sign = BADGES.get(notification.status, ("off", "?"))
    return format_html(
        '<span class="notification-status notification-{}"><span aria-hidden="true">{}</span>'
        " {}</span>",
        kind,
        sign,
        notification.get_status_display(),
    )


class NotificationList(ChangeList):
    """Reads no more rows than the page shows, for any filters; see ``selection.py``.

    The list offers years, months and days without a check for notifications. Django's own date
    hierarchy reads every row to leave out empty periods: a second's work for each page of a million
    rows.
    """

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: Any = None
    ) -> QuerySet[Notification]:
        """Return the chosen rows."""
        query, self.query = self.query, ""  # the search follows below
        try:
            rows = super().get_queryset(request, exclude_parameters)
        finally:
            self.query = query
        notifications: Any = self.model_admin
        shown = set(self.list_display)
        rows = rows.defer(*(name for name in notifications.left_unread if name not in shown))
        is_quick = notifications.searches_quickly(request)
        if query and not is_quick:
            rows, _may_repeat = notifications.get_search_results(request, rows, query)
        in_use = [spec for spec in self.filter_specs if self._is_in_use(spec)]
        self.selection = select(
            rows,
            [spec for spec in in_use if isinstance(spec, RangeFilter)],
            list(words(query)) if is_quick else [],
            is_quick=is_quick,
            is_narrow=any(isinstance(spec, NARROW) for spec in in_use),
        )
        return self.selection.rows

    def get_results(self, request: HttpRequest) -> None:
        """Read a page."""
        paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        paginator.count = self.selection.count()
        self.paginator = paginator
        self.result_count = paginator.count
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.result_count <= self.list_max_show_all
        self.multi_page = self.result_count > self.list_per_page
        if not self.result_count:
            self.result_list = self.queryset.none()  # to find the page again may take as long
            return
        if (self.show_all and self.can_show_all) or not self.multi_page:
            self.result_list = self.selection.page(0, max(self.list_per_page, self.result_count))
            return
        try:
            number = paginator.validate_number(self.page_num)
        except InvalidPage as error:
            raise IncorrectLookupParameters from error
        start = (number - 1) * self.list_per_page
        self.result_list = self.selection.page(start, start + self.list_per_page)

    @staticmethod
    def _is_in_use(spec: Any) -> bool:
        return isinstance(spec, SimpleListFilter) and spec.value() is not None

    @property
    def period_name(self) -> Any:
        """The field behind the periods, for the template of Django 6.1."""
        field: Any = self.opts.get_field(self.date_hierarchy)
        return field.verbose_name

    def period(self) -> dict[str, Any]:
        """Return the links above the list, in the form for Django's template."""
        name = self.date_hierarchy
        year, month, day = (
            int(value) if (value := self.params.get(f"{name}__{part}")) else None
            for part in ("year", "month", "day")
        )
        if year and month and day:
            shown = _title(date(year, month, day), "MONTH_DAY_FORMAT")
            return {
                "back": self._choice(
                    _title(date(year, month, 1), "YEAR_MONTH_FORMAT"), year, month
                ),
                "choices": [{"title": shown}],
            }
        if year and month:
            return {
                "back": self._choice(str(year), year),
                "choices": [
                    self._choice(_title(each, "MONTH_DAY_FORMAT"), year, month, each.day)
                    for each in _days(year, month)
                ],
            }
        if year:
            months = [date(year, number, 1) for number in range(1, 13)]
            return {
                "back": self._choice(str(_("All dates"))),
                "choices": [
                    self._choice(_title(each, "YEAR_MONTH_FORMAT"), year, each.month)
                    for each in months
                ],
            }
        return {
            "back": None,
            "choices": [self._choice(str(each), each) for each in self._years()],
        }

    def _choice(self, title: str, *parts: int) -> dict[str, str]:
        name = self.date_hierarchy
        filters = {
            f"{name}__{part}": value
            for part, value in zip(("year", "month", "day"), parts, strict=False)
        }
        return {"title": title, "link": self.get_query_string(filters, [f"{name}__"])}

    def _years(self) -> list[int]:
        """Return the years from the first notification to the last: two reads of an index."""
        rows = self.root_queryset.prefetch_related(None).values_list(self.date_hierarchy, flat=True)
        ends: list[datetime] = [
            *rows.order_by(self._by_date(newest_first=False))[:1],
            *rows.order_by(self._by_date(newest_first=True))[:1],
        ]
        years = [local(each).year for each in ends]
        if not years:
            return []
        now = timezone.now().year
        first, last = max(years[0], now - YEARS_BEFORE), min(years[1], now + YEARS_AFTER)
        return sorted({*years, *range(first, last + 1)})

    def _by_date(self, *, newest_first: bool) -> OrderBy:
        using = self.root_queryset.db
        return ordering(self.date_hierarchy, newest_first=newest_first, using=using)


def _days(year: int, month: int) -> Iterator[date]:
    for number in range(1, 32):
        try:
            yield date(year, month, number)
        except ValueError:
            return


def _title(day: date, date_format: str) -> str:
    return capfirst(formats.date_format(day, date_format))
