"""The rows of the list of notifications, read without a scan of the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import and_
from typing import Any

from django.db.models import Q, QuerySet

from ...models import NotificationTarget
from .paginator import AtLeast, capped
from .quick_search import MOST_FOUND, records_meant
from .range_filter import RangeFilter
from .ranges import STATUSES, count_up_to, keys_between, moment_at, range_of_all, ranges_of

#: The number of filtered rows searched in full, the latest first.
ROWS_LOOKED_AT = 10_000


@dataclass(frozen=True)
class Selection:
    """The rows of a list.

    Attributes:
        source: The queryset before the choice, with everything that an admin adds to a row.
        rows: All rows of the list, for actions.
        ranges: The same rows in parts without common rows; an index gives each part in order.
        newest_first: Whether the order is from the newest to the oldest; ``None``: another order.
        is_cut: Whether a quick search may have left out rows.
    """

    source: QuerySet[Any]
    rows: QuerySet[Any]
    ranges: list[QuerySet[Any]]
    newest_first: bool | None
    is_cut: bool = False

    def count(self) -> int:
        """Return how many there are; past the cap, the cap."""
        counted = capped(partial(count_up_to, self.ranges))
        return AtLeast(counted) if self.is_cut else counted

    def page(self, start: int, stop: int) -> QuerySet[Any]:
        """Return the rows from one place to another.

        Args:
            start: The first place; the list's first row is at 0.
            stop: The place after the last.
        """
        if self.newest_first is None:
            return self.rows[start:stop]
        if len(self.ranges) == 1:
            return self.ranges[0][start:stop]
        keys = keys_between(self.ranges, start, stop, newest_first=self.newest_first)
        # By the keys alone: with the conditions, a database might search for the rows again.
        return self.source.filter(pk__in=keys)


def select(
    rows: QuerySet[Any],
    filters: Sequence[RangeFilter],
    words: Sequence[str],
    *,
    is_quick: bool,
    is_narrow: bool,
) -> Selection:
    """Return the chosen rows.

    Args:
        rows: The rows of the other filters, in the list's order.
        filters: The filters in use that name ranges.
        words: The words of the search, in titles, addresses and users.
        is_quick: Whether only the latest are searched in full.
        is_narrow: Whether the other filters leave so few rows that ranges are not needed.
    """
    source, newest_first = rows, _newest_first(rows)
    rows = rows.filter(_all(each.condition for each in filters if not each.looks_at_latest))
    ranges = [rows] if is_narrow else _ranges(rows, filters, newest_first is not False)
    rows = rows.filter(_all(map(_where, filters)))
    searched = _all(each.condition for each in filters if each.looks_at_latest)
    meant = records_meant(words, using=rows.db)
    for word, keys in zip(words, meant, strict=True):
        searched &= Q(title__icontains=word) | Q(target_user_record__in=keys)
    is_cut = any(len(keys) == MOST_FOUND for keys in meant)
    if is_narrow:
        ranges = [rows]
    oldest = None
    if searched and is_quick and not is_narrow:
        oldest = moment_at(ranges, ROWS_LOOKED_AT, newest_first=newest_first is not False)
    if oldest is None:
        ranges = [part.filter(searched) for part in ranges]
        return Selection(source, rows.filter(searched), ranges, newest_first, is_cut)
    latest, others = ("gte", "lt") if newest_first is not False else ("lte", "gt")
    is_latest = Q(**{f"scheduled_delivery__{latest}": oldest})
    # Of the other rows, the notifications for people meant by a word: few rows, without ranges.
    is_meant = Q(**{f"scheduled_delivery__{others}": oldest}) & Q(
        target_user_record__in=[key for keys in meant for key in keys]
    )
    return Selection(
        source,
        rows.filter(is_latest | is_meant).filter(searched),
        [
            *(part.filter(is_latest, searched) for part in ranges),
            *([rows.filter(is_meant, searched)] if any(meant) else []),
        ],
        newest_first,
        is_cut=True,
    )


def _newest_first(rows: QuerySet[Any]) -> bool | None:
    first = rows.query.order_by[0] if rows.query.order_by else None
    return {"-scheduled_delivery": True, "scheduled_delivery": False}.get(str(first))


def _ranges(
    rows: QuerySet[Any], filters: Sequence[RangeFilter], newest_first: bool
) -> list[QuerySet[Any]]:
    chosen_statuses = [each.statuses for each in filters if each.statuses is not None]
    chosen_targets = {each.target_id for each in filters if each.target_id is not None}
    if not chosen_statuses and not chosen_targets:
        return [range_of_all(rows, newest_first=newest_first)]
    statuses = [
        status for status in STATUSES if all(status in chosen for chosen in chosen_statuses)
    ]
    # A row without a run so far has no target: the record's target counts.
    orphans = rows
    if chosen_targets:
        orphans = rows.filter(target_user_record__target__in=chosen_targets)
    else:
        targets = NotificationTarget.objects.using(rows.db)
        chosen_targets = set(targets.values_list("pk", flat=True))
    # Sorted, so that every page has the same order for rows due at one moment.
    ranges = [
        *ranges_of(rows, sorted(chosen_targets), statuses),
        *ranges_of(orphans, [None], statuses),
    ]
    return ranges or [rows.none()]


def _where(chosen: RangeFilter) -> Q:
    where = Q() if chosen.statuses is None else Q(status__in=chosen.statuses)
    if chosen.target_id is not None:
        where &= Q(target=chosen.target_id) | Q(
            target=None, target_user_record__target=chosen.target_id
        )
    return where


def _all(conditions: Any) -> Q:
    return reduce(and_, conditions, Q())
