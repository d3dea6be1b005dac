"""The order of due rows: higher priorities first, without starving the others.

A step of priority is worth some seconds of waiting (``PRIORITY_AGING``). So rows go in the order of
their *rank*: the moment when the row is due, less those seconds for every step. No column holds the
rank. Rows without a priority are read by the index over all due rows, oldest first; rows with a
priority by an index of their own, level by level, oldest first; these few lists are merged.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from heapq import nsmallest
from typing import Any

from django.db import connections
from django.db.models import Case, DateTimeField, ExpressionWrapper, F, When

from ...models import Notification, NotificationTarget
from ...models.notification import HIGHEST_PRIORITY
from ...models.notification_queryset import NotificationQuerySet
from .due import Due, RowsOf, adopt, free_rows
from .levels import Levels, priority_step

#: Querysets, the oldest row first, and how many rows to read from every queryset.
Parts = Sequence[tuple[NotificationQuerySet, int]]


def first_of(
    due: Due, size: int, levels: Levels | None, *, rows_of: RowsOf = free_rows
) -> tuple[Parts, bool]:
    """Return querysets with the first rows in order, and how many rows to read from each.

    Args:
        due: The target and the moment.
        size: How many rows are wanted.
        levels: The target's priorities; ``None``: priorities do not count.
        rows_of: Returns the kind of due rows.

    Returns:
        The querysets with numbers, and whether the numbers add up to ``size``. Otherwise there may
        be more rows of each status than are wanted.
    """
    if levels is not None and levels.find():
        portions = Portions(due, size, levels, rows_of=rows_of)
        if len(portions.ranks) == size:
            return portions.parts, True
        # All due rows fit into the batch, whatever their priority.
    return [(of_status, size) for of_status in rows_of(due)], False


def first_by_target(
    targets: Sequence[NotificationTarget], due_by: datetime, limit: int, *, using: str
) -> "Counter[Any]":
    """Count, by target's key, the rows that go first of all targets.

    Args:
        targets: The targets.
        due_by: The latest ``scheduled_delivery``.
        limit: How many rows, of all targets together.
        using: The database's alias.
    """
    adopt(due_by, using=using)
    ranked = [
        (place, target.pk)
        for target in targets
        for place in Portions(
            Due(target=target, due_by=due_by, using=using), limit, Levels(target, using=using)
        ).ranks
    ]
    return Counter(key for _, key in nsmallest(limit, ranked))


class Portions:
    """How many rows of each status and priority are among the first due rows of a target.

    The arguments are those of ``first_of()``.

    Attributes:
        ranks: The ranks of the first rows, in order.
    """

    def __init__(self, due: Due, size: int, levels: Levels, *, rows_of: RowsOf = free_rows) -> None:
        self._rows: list[NotificationQuerySet] = []
        self._ranked: list[tuple[timedelta, int]] = []
        self._size = size
        found = levels.find()
        for level in found:
            of_level = {"priority": level}
            if connections[due.using].vendor == "sqlite":
                # SQLite uses a partial index only for a query with the index's very condition.
                of_level["priority__gt"] = 0
            self._read((rows.filter(**of_level) for rows in rows_of(due)), level * levels.step)
        # Rows without a priority are read only up to the last of the rows found so far: the index
        # over all due rows holds rows with a priority, too, and this bound keeps the read within a
        # batch.
        latest = due.due_by
        if len(self._ranked) == size:
            latest = _moment_of(self._ranked[-1][0], due.due_by)
        rest = rows_of(due.until(latest))
        self._read((rows.filter(priority__lte=0) if found else rows for rows in rest), timedelta())
        self.ranks = [place for place, _ in self._ranked]

    @property
    def parts(self) -> Parts:
        """Querysets, and how many rows to read from every queryset."""
        numbers = Counter(number for _, number in self._ranked)
        return [(self._rows[number], numbers[number]) for number in sorted(numbers)]

    def _read(self, parts: Iterable[NotificationQuerySet], ahead: timedelta) -> None:
        for rows in parts:
            number = len(self._rows)
            self._rows.append(rows)
            for moment in rows.values_list("scheduled_delivery", flat=True)[: self._size]:
                self._ranked.append((_rank_of(moment, ahead), number))
        self._ranked.sort()
        del self._ranked[self._size :]


def rank(moment: datetime, priority: int, step: timedelta) -> timedelta:
    """Return the rank of a row: the smallest goes first.

    Args:
        moment: When the row is due.
        priority: The row's priority.
        step: The wait that is worth a step of priority.
    """
    return _rank_of(moment, max(priority, 0) * step)


def rank_of(notification: Notification, step: timedelta) -> timedelta:
    """Return the rank of a notification.

    Args:
        notification: The notification.
        step: The wait that is worth a step of priority.
    """
    return rank(notification.scheduled_delivery, notification.priority, step)


def rank_in_database() -> Case:
    """Return the rank as an expression, for sorting without an index."""
    step = priority_step()
    moment = F("scheduled_delivery")
    levels = range(1, HIGHEST_PRIORITY + 1) if step else ()
    ranks = [
        When(
            priority=level,
            then=ExpressionWrapper(moment - level * step, output_field=DateTimeField()),
        )
        for level in levels
    ]
    return Case(*ranks, default=moment, output_field=DateTimeField())


def _rank_of(moment: datetime, ahead: timedelta) -> timedelta:
    # Not a moment, because no moment comes before the year 1.
    return moment - datetime.max.replace(tzinfo=moment.tzinfo) - ahead


def _moment_of(place: timedelta, like: datetime) -> datetime:
    try:
        return datetime.max.replace(tzinfo=like.tzinfo) + place
    except OverflowError:
        return datetime.min.replace(tzinfo=like.tzinfo)
