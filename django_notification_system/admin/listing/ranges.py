"""Reading a list by the index that the engine has, whichever statuses and targets are asked for.

That index is over target, status and time. Of one target and one status it gives the newest at
once: a *lane*. A list of several shows what is newest of all lanes together, and reads no more of
each than it shows. A database that is asked for all of them at once goes through the whole table,
from the newest, until it has found enough; where they are few, to its end.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Any

from django.db import connections
from django.db.models import QuerySet
from django.db.models.expressions import OrderBy

from ...models import Notification
from ...models.indexes import ordering as index_ordering

STATUSES = tuple(status for status, _label in Notification.STATUS_CHOICES)
#: How many lanes one statement merges; SQLite takes 500 at the most.
MOST_MERGED = 500


def lanes_of(
    rows: QuerySet[Any], target_ids: Iterable[Any], statuses: Sequence[str]
) -> list[QuerySet[Any]]:
    """Return a lane for each target and status.

    Args:
        rows: What the lanes are of.
        target_ids: The keys of the targets, with ``None`` for what has none yet.
        statuses: The statuses.
    """
    return [
        rows.filter(target=target_id, status=status)
        for target_id in target_ids
        for status in statuses
    ]


def lane_of_all(rows: QuerySet[Any], *, newest_first: bool) -> QuerySet[Any]:
    """Return one lane of rows of whatever target and status, in the order that an index gives."""
    by_moment = index_ordering("scheduled_delivery", newest_first=newest_first, using=rows.db)
    return rows.order_by(by_moment, "-pk" if newest_first else "pk")


def keys_between(
    lanes: Sequence[QuerySet[Any]], start: int, stop: int, *, newest_first: bool = True
) -> list[Any]:
    """Return the keys of the rows of all lanes from one place to another.

    Args:
        lanes: Querysets that have no row in common.
        start: The first place.
        stop: The place after the last.
        newest_first: Whether the newest has the first place, or the oldest.
    """
    if start:
        # The place is found by the time alone, for which the index suffices.
        moment = moment_at(lanes, start, newest_first=newest_first)
        if moment is None:
            return []
        before, after = ("gt", "lte") if newest_first else ("lt", "gte")
        skipped = count_up_to(
            [lane.filter(**{f"scheduled_delivery__{before}": moment}) for lane in lanes], start
        )
        lanes = [lane.filter(**{f"scheduled_delivery__{after}": moment}) for lane in lanes]
        start, stop = start - skipped, stop - skipped
    columns = ["scheduled_delivery", "pk"]
    return [key for _moment, key in _between(lanes, columns, start, stop, newest_first)]


def moment_at(
    lanes: Sequence[QuerySet[Any]], place: int, *, newest_first: bool = True
) -> datetime | None:
    """Return the time of the row at a place among those of all lanes, if there are so many."""
    found = _between(lanes, ["scheduled_delivery"], place, place + 1, newest_first)
    return found[0][0] if found else None


def count_up_to(lanes: Sequence[QuerySet[Any]], limit: int) -> int:
    """Return the number of rows of all lanes, or the limit where there are more."""
    counted = 0
    for some in _mergeable(lanes):
        rest = limit - counted
        counted += _merged(some, ["scheduled_delivery"], [], rest)[:rest].count()
        if counted == limit:
            break
    return counted


def _between(
    lanes: Sequence[QuerySet[Any]],
    columns: Sequence[str],
    start: int,
    stop: int,
    newest_first: bool,
) -> list[Any]:
    sign = "-" if newest_first else ""
    ordering = [f"{sign}{column}" for column in columns]
    merged = [_merged(some, columns, ordering, stop) for some in _mergeable(lanes)]
    if len(merged) == 1:
        return list(merged[0][start:stop])
    # By the time alone: a database may sort keys otherwise than Python does.
    rows = merge(*(some[:stop] for some in merged), key=itemgetter(0), reverse=newest_first)
    return list(islice(rows, start, stop))


def _mergeable(lanes: Sequence[QuerySet[Any]]) -> Iterator[Sequence[QuerySet[Any]]]:
    for first in range(0, len(lanes), MOST_MERGED):
        yield lanes[first : first + MOST_MERGED]


def _merged(
    lanes: Sequence[QuerySet[Any]], columns: Sequence[str], ordering: Sequence[str], stop: int
) -> QuerySet[Any]:
    if lanes[0].query.distinct and "pk" not in columns:
        columns = [*columns, "pk"]  # of times alone, several rows' would be one
    parts = [
        lane.prefetch_related(None).order_by(*_as_indexed(lane, ordering)).values_list(*columns)
        for lane in lanes
    ]
    if len(parts) == 1:
        return parts[0]
    # SQLite merges what the index gives, and stops when it has enough; it would not take this.
    if connections[parts[0].db].features.supports_slicing_ordering_in_compound:
        parts = [part[:stop] for part in parts]
    else:
        parts = [part.order_by() for part in parts]
    return parts[0].union(*parts[1:], all=True).order_by(*ordering)


def _as_indexed(lane: QuerySet[Any], ordering: Sequence[str]) -> Sequence[Any]:
    """Return the same order in the words of the index that gives it, for a lane of all."""
    own = lane.query.order_by[:1]
    if ordering and own and isinstance(own[0], OrderBy):
        return [own[0], *ordering[1:]]
    return ordering
