"""Higher priorities first within what is due, without starving the rest.

A step of priority is worth so many seconds of waiting (``PRIORITY_AGING``). So what is due is taken
in the order of its *rank*: the moment that it was due, less those seconds for each step. No column
holds the rank. What has no priority is read by the index over all that is due, oldest first; what
has one, by an index of its own, level by level, oldest first; these few lists are merged.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from heapq import nsmallest
from typing import Any

from django.db import connections
from django.db.models import Case, DateTimeField, ExpressionWrapper, F, When

from ...models import Notification, NotificationTarget
from ...models.notification import HIGHEST_PRIORITY, NotificationQuerySet
from .due import adopt, due_of_target
from .levels import Levels, priority_step

#: What to read, each the oldest first, and how many of it.
Parts = Sequence[tuple[NotificationQuerySet, int]]


#: Returns what is due for a target by status, the oldest first, as ``due_of_target()`` does.
RowsOf = Callable[..., list[NotificationQuerySet]]


def first_of(
    target: NotificationTarget,
    due_at: datetime,
    size: int,
    levels: Levels | None,
    *,
    using: str,
    retries_due_at: datetime | None = None,
    rows_of: RowsOf = due_of_target,
) -> tuple[Parts, bool]:
    """Return of what to read how many, to find what goes first of what is due for a target.

    Args:
        target: Whose.
        due_at: The latest ``scheduled_delivery``.
        size: How many are wanted.
        levels: Which priorities there are; ``None``: whatever they are, oldest first.
        using: The database's alias.
        retries_due_at: The latest ``scheduled_delivery`` of what has failed before, where it is
            another.
        rows_of: Which of what is due is meant.

    Returns:
        What to read, and whether these are shares that are together of just that size. Otherwise
        there may be more than is wanted of each status.
    """
    if levels is not None and levels.find():
        shares = Shares(
            target,
            due_at,
            size,
            levels,
            using=using,
            retries_due_at=retries_due_at,
            rows_of=rows_of,
        )
        if len(shares.ranks) == size:
            return shares.parts, True
        # All that is due fits into the batch, whatever its priority.
    due = rows_of(target, due_at, using=using, retries_due_at=retries_due_at)
    return [(of_status, size) for of_status in due], False


def first_by_target(
    targets: Sequence[NotificationTarget], due_at: datetime, limit: int, *, using: str
) -> "Counter[Any]":
    """Count by target's key the rows that go first of all targets, so that none waits for another.

    Args:
        targets: The targets.
        due_at: The latest ``scheduled_delivery``.
        limit: How many rows, of all targets together.
        using: The database's alias.
    """
    adopt(due_at, using=using)
    ranked = [
        (its_rank, target.pk)
        for target in targets
        for its_rank in Shares(
            target, due_at, limit, Levels(target, using=using), using=using
        ).ranks
    ]
    return Counter(key for _, key in nsmallest(limit, ranked))


class Shares:
    """How many of each status and priority are among the first of what is due for a target.

    The arguments are those of ``first_of()``.

    Attributes:
        ranks: Those of the first, in order.
    """

    def __init__(
        self,
        target: NotificationTarget,
        due_at: datetime,
        size: int,
        levels: Levels,
        *,
        using: str,
        retries_due_at: datetime | None = None,
        rows_of: RowsOf = due_of_target,
    ) -> None:
        self._rows: list[NotificationQuerySet] = []
        self._ranked: list[tuple[timedelta, int]] = []
        self._size = size
        retries_due_at = retries_due_at or due_at
        found = levels.find()
        for level in found:
            due = rows_of(target, due_at, using=using, retries_due_at=retries_due_at)
            of_level = {"priority": level}
            if connections[using].vendor == "sqlite":
                # It uses a partial index only where it reads the very term of it.
                of_level["priority__gt"] = 0
            self._read((rows.filter(**of_level) for rows in due), level * levels.step)
        # Of what has no priority only what goes before the last of these: the index over all that
        # is due has these, too, and so more than a batch of them is never gone through.
        latest = due_at
        if len(self._ranked) == size:
            latest = _moment_of(self._ranked[-1][0], due_at)
        due = rows_of(
            target,
            min(due_at, latest),
            using=using,
            retries_due_at=min(retries_due_at, latest),
        )
        self._read((rows.filter(priority__lte=0) if found else rows for rows in due), timedelta())
        self.ranks = [its_rank for its_rank, _ in self._ranked]

    @property
    def parts(self) -> Parts:
        """What to read, and how many of it."""
        numbers = Counter(number for _, number in self._ranked)
        return [(self._rows[number], numbers[number]) for number in sorted(numbers)]

    def _read(self, parts: Iterable[NotificationQuerySet], ahead: timedelta) -> None:
        for rows in parts:
            number = len(self._rows)
            self._rows.append(rows)
            for moment in rows.values_list("scheduled_delivery", flat=True)[: self._size]:
                self._ranked.append((_rank(moment, ahead), number))
        self._ranked.sort()
        del self._ranked[self._size :]


def rank(moment: datetime, priority: int, step: timedelta) -> timedelta:
    """Return what is the smallest of what goes first.

    Args:
        moment: When it is due.
        priority: Its priority.
        step: What a step of priority is worth.
    """
    return _rank(moment, max(priority, 0) * step)


def rank_of(notification: Notification, step: timedelta) -> timedelta:
    """Return the rank of a notification."""
    return rank(notification.scheduled_delivery, notification.priority, step)


def rank_in_database() -> Case:
    """Return the rank as an expression, to sort by where no index is needed."""
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


def _rank(moment: datetime, ahead: timedelta) -> timedelta:
    # Not a moment: one of the year 1 has none before it.
    return moment - datetime.max.replace(tzinfo=moment.tzinfo) - ahead


def _moment_of(its_rank: timedelta, like: datetime) -> datetime:
    try:
        return datetime.max.replace(tzinfo=like.tzinfo) + its_rank
    except OverflowError:
        return datetime.min.replace(tzinfo=like.tzinfo)
