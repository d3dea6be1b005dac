"""The rows that a claim takes, in order, and those of them that nobody else has locked."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import DatabaseError, connections, transaction

from ...models import Notification
from ...models.expressions import Among
from ...models.notification import NotificationQuerySet
from .due import Due, RowsOf, free_rows
from .interrupted import InterruptedFound
from .large_texts import read
from .levels import priority_step
from .order import Parts, rank, rank_of

#: How many batches are searched for rows that nobody is just claiming, where the database does not
#: pass over those by itself: about as many as there are processes.
WINDOWS = 8


@dataclass(frozen=True, kw_only=True)
class Order:
    """The rows to claim, and how to find them.

    Attributes:
        due: What is due.
        parts: Querysets, and how many rows to read of each.
        size: How many rows in all.
        by_index: Pass over rows that others have locked, however many, where it takes longer.
        rows_of: Which rows of what is due are meant.
    """

    due: Due
    parts: Parts
    size: int
    by_index: bool
    rows_of: RowsOf

    def admit(self, interruptions: Iterable[int]) -> None:
        """Refuse rows that were interrupted, where all that is due was asked for.

        Args:
            interruptions: The counts of the rows.

        Raises:
            InterruptedFound: When some of the rows were interrupted: they go after the others.
        """
        if self.rows_of is free_rows and any(interruptions):
            raise InterruptedFound


def claiming_transaction(using: str) -> AbstractContextManager[Any]:
    """Return the transaction around locking and marking.

    Where nothing is locked, as on SQLite, there is none: SQLite waits for a writer and goes on,
    while within a transaction it refuses to turn a read that is out of date into a write.
    """
    return transaction.atomic(using=using) if skips_locked(using) else nullcontext()


def skips_locked(using: str) -> bool:
    """Tell whether the database passes over rows that others have locked."""
    return connections[using].features.has_select_for_update_skip_locked


def first_keys(order: Order) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """Return the keys of the first rows, and the keys of those that nobody else has: locked."""
    using = order.due.using
    if not skips_locked(using):
        keys = _keys(order, lock=False)
        return keys, keys
    if connections[using].vendor != "mysql" or order.by_index:
        keys = _keys(order, lock=True)
        return keys, keys
    # MariaDB and MySQL keep the locks of all rows that such a query reads on its way, so that a run
    # that holds and records those rows waits for this claim. By keys no other rows are read.
    keys, free = [], []
    for keys in _windows(order):
        rows = Notification.objects.using(using).filter(Among("id", keys))
        rows = still_due(rows, order.due.due_by)
        locked = rows.unclaimed().select_for_update(skip_locked=True)
        taken = set(locked.values_list("id", flat=True))
        free = [key for key in keys if key in taken]
        if free:
            break
    return keys, free


def _windows(order: Order) -> Iterator[list[uuid.UUID]]:
    """Yield the keys of the first rows, then of those that follow, as others take the first."""
    size = order.size
    if first := _keys(order, lock=False):
        yield first
    if len(first) == size:
        further = [(part, number * WINDOWS) for part, number in order.parts]
        keys = _keys(replace(order, parts=further, size=size * WINDOWS), lock=False)
        yield from (keys[start : start + size] for start in range(size, len(keys), size))


def whole_rows(order: Order) -> list[Notification] | None:
    """Return the first rows with all that delivery reads; ``None`` where a row is unreadable."""
    rows: list[Notification] = []
    try:
        for part, number in order.parts:
            locked = part.select_for_update(skip_locked=True, of=("self",))
            rows.extend(read(locked.for_delivery()[:number]))
    except DatabaseError:
        raise
    except Exception:
        return None
    order.admit(row.interruptions for row in rows)
    rows.sort(key=rank_in_memory())
    return rows[: order.size]


def _keys(order: Order, *, lock: bool) -> list[uuid.UUID]:
    step = priority_step()
    first: list[tuple[timedelta, uuid.UUID]] = []
    for part, number in order.parts:
        if lock:
            part = part.select_for_update(skip_locked=True)
        rows = part.values_list("scheduled_delivery", "priority", "id", "interruptions")[:number]
        for moment, priority, key, interruptions in rows:
            order.admit((interruptions,))
            first.append((rank(moment, priority, step), key))
    first.sort()
    return [key for _, key in first[: order.size]]


def rank_in_memory() -> Callable[[Notification], timedelta]:
    """Return a sort key: rows sorted by it are in the order in which they go."""
    return partial(rank_of, step=priority_step())


def still_due(rows: NotificationQuerySet, due_by: datetime) -> NotificationQuerySet:
    """Return those of some rows, named by their keys, that are due at a moment."""
    # Only exclusions, which no index serves: else SQLite would read all that is pending.
    ended = [
        status
        for status, _ in Notification.STATUS_CHOICES
        if status not in Notification.PENDING_STATUSES
    ]
    return rows.exclude(status__in=ended).exclude(scheduled_delivery__gt=due_by)
