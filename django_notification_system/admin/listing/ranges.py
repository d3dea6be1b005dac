"""Reading a list by the engine's index, for any choice of statuses and targets.

The index is over target, status and time. For one target and one status the index gives the newest
rows at once: a *range*. A list over several ranges shows the newest rows of all ranges together,
and reads no more rows of a range than the page shows. Asked for all ranges at once, a database
scans the whole table from the newest row until enough rows are found; for rare rows, to the table's
end.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Any

from django.db import connections
from django.db.models import QuerySet
from django.db.models.expressions import OrderBy

from ...batches import batched
from ...models import Notification
from ...models.indexes import ordering as index_ordering

STATUSES = tuple(status for status, _label in Notification.STATUS_CHOICES)
#: The most ranges that one statement merges; SQLite allows 500.
MOST_MERGED = 500


def ranges_of(
    rows: QuerySet[Any], target_ids: Iterable[Any], statuses: Sequence[str]
) -> list[QuerySet[Any]]:
    """Return a range for each target and status.

    Args:
        rows: The rows to divide.
        target_ids: The keys of the targets; ``None`` for rows without a target so far.
        statuses: The statuses.
    """
    return [
        rows.filter(target=target_id, status=status)
        for target_id in target_ids
        for status in statuses
    ]


def range_of_all(rows: QuerySet[Any], *, newest_first: bool) -> QuerySet[Any]:
    """Return one range of rows of any target and status, in the order of an index.

    Args:
        rows: The rows.
        newest_first: Whether the newest row is the first, or the oldest.
    """
    by_moment = index_ordering("scheduled_delivery", newest_first=newest_first, using=rows.db)
    return rows.order_by(by_moment, "-pk" if newest_first else "pk")


def keys_between(
    ranges: Sequence[QuerySet[Any]], start: int, stop: int, *, newest_first: bool = True
) -> list[Any]:
    """Return the keys of the rows of all ranges from one place to another.

    Args:
        ranges: Querysets without common rows.
        start: The first place.
        stop: The place after the last.
        newest_first: Whether the newest has the first place, or the oldest.
    """
    if start:
        # The place is found by the time alone, for which the index suffices.
        moment = moment_at(ranges, start, newest_first=newest_first)
        if moment is None:
            return []
        before, after = ("gt", "lte") if newest_first else ("lt", "gte")
        skipped = count_up_to(
            [part.filter(**{f"scheduled_delivery__{before}": moment}) for part in ranges], start
        )
        ranges = [part.filter(**{f"scheduled_delivery__{after}": moment}) for part in ranges]
        start, stop = start - skipped, stop - skipped
    columns = ["scheduled_delivery", "pk"]
    return [key for _moment, key in _between(ranges, columns, start, stop, newest_first)]


def moment_at(
    ranges: Sequence[QuerySet[Any]], place: int, *, newest_first: bool = True
) -> datetime | None:
    """Return the time of the row at a place in all ranges; ``None`` past the end.

    Args:
        ranges: The ranges.
        place: The place; the first is 0.
        newest_first: Whether places are counted from the newest row.
    """
    found = _between(ranges, ["scheduled_delivery"], place, place + 1, newest_first)
    return found[0][0] if found else None


def count_up_to(ranges: Sequence[QuerySet[Any]], limit: int) -> int:
    """Return the number of rows of all ranges, or the limit where there are more.

    Args:
        ranges: The ranges, without common rows.
        limit: The greatest number of interest.
    """
    counted = 0
    for some in batched(ranges, MOST_MERGED):
        rest = limit - counted
        counted += _merged(some, ["scheduled_delivery"], [], rest)[:rest].count()
        if counted == limit:
            break
    return counted


def _between(
    ranges: Sequence[QuerySet[Any]],
    columns: Sequence[str],
    start: int,
    stop: int,
    newest_first: bool,
) -> list[Any]:
    sign = "-" if newest_first else ""
    ordering = [f"{sign}{column}" for column in columns]
    merged = [_merged(some, columns, ordering, stop) for some in batched(ranges, MOST_MERGED)]
    if len(merged) == 1:
        return list(merged[0][start:stop])
    # By the time alone: a database may sort keys otherwise than Python does.
    rows = merge(*(some[:stop] for some in merged), key=itemgetter(0), reverse=newest_first)
    return list(islice(rows, start, stop))


def _merged(
    ranges: Sequence[QuerySet[Any]], columns: Sequence[str], ordering: Sequence[str], stop: int
) -> QuerySet[Any]:
    if ranges[0].query.distinct and "pk" not in columns:
        columns = [*columns, "pk"]  # a union of times alone would drop equal times
    parts = [
        part.prefetch_related(None).order_by(*_as_indexed(part, ordering)).values_list(*columns)
        for part in ranges
    ]
    if len(parts) == 1:
        return parts[0]
    # SQLite merges the rows in index order and stops early; it accepts no slices in a union.
    if connections[parts[0].db].features.supports_slicing_ordering_in_compound:
        parts = [part[:stop] for part in parts]
    else:
        parts = [part.order_by() for part in parts]
    return parts[0].union(*parts[1:], all=True).order_by(*ordering)


def _as_indexed(part: QuerySet[Any], ordering: Sequence[str]) -> Sequence[Any]:
    """Return the same order in the terms of the index, for a range of all rows."""
    own = part.query.order_by[:1]
    if ordering and own and isinstance(own[0], OrderBy):
        return [own[0], *ordering[1:]]
    return ordering
