"""Which rows a claim takes, in which order, and which of these nobody else has just now."""

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
from .due import due_of_target
from .interrupted import InterruptedFound
from .large_texts import read
from .levels import priority_step
from .order import Parts, RowsOf, rank, rank_of

#: How many batches are looked through for one that nobody is just claiming, where that is not the
#: database's to do: about as many as there are processes.
WINDOWS = 8


@dataclass(frozen=True)
class Order:
    """What to claim, and how.

    Attributes:
        parts: What is due, and how many are to be had of each.
        size: How many in all.
        due_at: The latest ``scheduled_delivery``.
        using: The database's alias.
        by_index: Pass over what others have locked, however many, where it takes longer.
        rows_of: Which of what is due is meant.
    """

    parts: Parts
    size: int
    due_at: datetime
    using: str
    by_index: bool
    rows_of: RowsOf

    def admit(self, interruptions: Iterable[int]) -> None:
        """Refuse rows that were interrupted, where all that is due was asked for.

        Raises:
            InterruptedFound: When they are among these: they go after the others.
        """
        if self.rows_of is due_of_target and any(interruptions):
            raise InterruptedFound


def claiming_transaction(using: str) -> AbstractContextManager[Any]:
    """Return what is to be around the locking and the marking.

    Where nothing is locked, and so on SQLite, no transaction: SQLite waits for a writer and goes
    on, where it would refuse to turn a read that is out of date into a write.
    """
    return transaction.atomic(using=using) if skips_locked(using) else nullcontext()


def skips_locked(using: str) -> bool:
    """Tell whether the database passes over rows that others have locked."""
    return connections[using].features.has_select_for_update_skip_locked


def first_keys(order: Order) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """Return the keys of the first, and those of them that nobody else has just now: locked."""
    using = order.using
    if not skips_locked(using):
        keys = _keys(order, lock=False)
        return keys, keys
    if connections[using].vendor != "mysql" or order.by_index:
        keys = _keys(order, lock=True)
        return keys, keys
    # MariaDB and MySQL keep the locks of all that such a query reads on its way, so that whoever
    # holds and records those rows waits for this claim. By their keys no more than they are read.
    keys, free = [], []
    for keys in _windows(order):
        rows = Notification.objects.using(using).filter(Among("id", keys))
        rows = still_due(rows, order.due_at)
        locked = rows.unclaimed().select_for_update(skip_locked=True)
        taken = set(locked.values_list("id", flat=True))
        free = [key for key in keys if key in taken]
        if free:
            break
    return keys, free


def _windows(order: Order) -> Iterator[list[uuid.UUID]]:
    """Yield the keys of the first, and then of those that follow, as others take the first."""
    size = order.size
    if first := _keys(order, lock=False):
        yield first
    if len(first) == size:
        further = [(part, number * WINDOWS) for part, number in order.parts]
        keys = _keys(replace(order, parts=further, size=size * WINDOWS), lock=False)
        yield from (keys[start : start + size] for start in range(size, len(keys), size))


def whole_rows(order: Order) -> list[Notification] | None:
    """Return the oldest with all that delivering them reads; ``None`` where one is unreadable."""
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
    """Return what sorts rows into the order in which they are to go."""
    return partial(rank_of, step=priority_step())


def still_due(rows: NotificationQuerySet, due_at: datetime) -> NotificationQuerySet:
    """Narrow down rows named by their keys."""
    # By what it is not, which no index serves: SQLite would read all that is pending.
    ended = [
        status
        for status, _ in Notification.STATUS_CHOICES
        if status not in Notification.PENDING_STATUSES
    ]
    return rows.exclude(status__in=ended).exclude(scheduled_delivery__gt=due_at)
