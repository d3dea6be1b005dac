"""What the list of notifications shows, and how it is read without going through the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import and_
from typing import Any

from django.db.models import Q, QuerySet

from ...models import NotificationTarget
from .filters import LaneFilter
from .paginator import AtLeast, capped
from .quick_search import MOST_FOUND, records_meant
from .ranges import STATUSES, count_up_to, keys_between, lane_of_all, lanes_of, moment_at

#: How many of the rows that the filters leave are searched in full, the latest.
ROWS_LOOKED_AT = 10_000


@dataclass(frozen=True)
class Selection:
    """The rows of a list.

    Attributes:
        source: What they were chosen from, with all that an admin adds to a row.
        rows: All of them, for actions.
        lanes: The same in parts that have no row in common, each of which is soon read in order.
        newest_first: Whether that order is from the newest to the oldest; ``None``: it is another.
        is_cut: Whether there may be more that a quick search did not look at.
    """

    source: QuerySet[Any]
    rows: QuerySet[Any]
    lanes: list[QuerySet[Any]]
    newest_first: bool | None
    is_cut: bool = False

    def count(self) -> int:
        """Return how many there are; past the cap, the cap."""
        counted = capped(partial(count_up_to, self.lanes))
        return AtLeast(counted) if self.is_cut else counted

    def page(self, start: int, stop: int) -> QuerySet[Any]:
        """Return those from one place to another."""
        if self.newest_first is None:
            return self.rows[start:stop]
        if len(self.lanes) == 1:
            return self.lanes[0][start:stop]
        keys = keys_between(self.lanes, start, stop, newest_first=self.newest_first)
        # Not the rows themselves: by what was chosen, a database might look for them again.
        return self.source.filter(pk__in=keys)


def select(
    rows: QuerySet[Any],
    filters: Sequence[LaneFilter],
    words: Sequence[str],
    *,
    is_quick: bool,
    is_narrow: bool,
) -> Selection:
    """Return what was chosen of the rows.

    Args:
        rows: What the other filters leave, in the list's order.
        filters: Those in use that say where to look.
        words: What is searched for, in titles, addresses and users.
        is_quick: Whether only the latest are searched in full.
        is_narrow: Whether the other filters leave so little that no lanes are needed.
    """
    source, newest_first = rows, _newest_first(rows)
    rows = rows.filter(_all(each.condition for each in filters if not each.looks_at_latest))
    lanes = [rows] if is_narrow else _lanes(rows, filters, newest_first is not False)
    rows = rows.filter(_all(map(_where, filters)))
    searched = _all(each.condition for each in filters if each.looks_at_latest)
    meant = records_meant(words, using=rows.db)
    for word, keys in zip(words, meant, strict=True):
        searched &= Q(title__icontains=word) | Q(target_user_record__in=keys)
    is_cut = any(len(keys) == MOST_FOUND for keys in meant)
    if is_narrow:
        lanes = [rows]
    oldest = None
    if searched and is_quick and not is_narrow:
        oldest = moment_at(lanes, ROWS_LOOKED_AT, newest_first=newest_first is not False)
    if oldest is None:
        lanes = [lane.filter(searched) for lane in lanes]
        return Selection(source, rows.filter(searched), lanes, newest_first, is_cut)
    latest, others = ("gte", "lt") if newest_first is not False else ("lte", "gt")
    is_latest = Q(**{f"scheduled_delivery__{latest}": oldest})
    # Of all others, what is addressed to whom a word may mean: so little that no lanes are needed.
    is_meant = Q(**{f"scheduled_delivery__{others}": oldest}) & Q(
        target_user_record__in=[key for keys in meant for key in keys]
    )
    return Selection(
        source,
        rows.filter(is_latest | is_meant).filter(searched),
        [
            *(lane.filter(is_latest, searched) for lane in lanes),
            *([rows.filter(is_meant, searched)] if any(meant) else []),
        ],
        newest_first,
        is_cut=True,
    )


def _newest_first(rows: QuerySet[Any]) -> bool | None:
    first = rows.query.order_by[0] if rows.query.order_by else None
    return {"-scheduled_delivery": True, "scheduled_delivery": False}.get(str(first))


def _lanes(
    rows: QuerySet[Any], filters: Sequence[LaneFilter], newest_first: bool
) -> list[QuerySet[Any]]:
    chosen_statuses = [each.statuses for each in filters if each.statuses is not None]
    chosen_targets = {each.target_id for each in filters if each.target_id is not None}
    if not chosen_statuses and not chosen_targets:
        return [lane_of_all(rows, newest_first=newest_first)]
    statuses = [
        status for status in STATUSES if all(status in chosen for chosen in chosen_statuses)
    ]
    # What no run has taken up yet has no target: then its record's counts.
    orphans = rows
    if chosen_targets:
        orphans = rows.filter(target_user_record__target__in=chosen_targets)
    else:
        targets = NotificationTarget.objects.using(rows.db)
        chosen_targets = set(targets.values_list("pk", flat=True))
    # Sorted, so that each page takes those that are due at one moment in the same order.
    lanes = [
        *lanes_of(rows, sorted(chosen_targets), statuses),
        *lanes_of(orphans, [None], statuses),
    ]
    return lanes or [rows.none()]


def _where(chosen: LaneFilter) -> Q:
    where = Q() if chosen.statuses is None else Q(status__in=chosen.statuses)
    if chosen.target_id is not None:
        where &= Q(target=chosen.target_id) | Q(
            target=None, target_user_record__target=chosen.target_id
        )
    return where


def _all(conditions: Any) -> Q:
    return reduce(and_, conditions, Q())
