"""The rows of a claim: the first in order that no other process has locked."""

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
from ...models.notification_queryset import NotificationQuerySet
from ...models.statuses import ENDED
from .due import Due, RowsOf, free_rows
from .interrupted import InterruptedFound
from .large_texts import read
from .levels import priority_step
from .order import Parts, rank, rank_of

#: In how many batches a claim looks for rows that no other process is claiming, where the database
#: cannot pass over locked rows cheaply: about the number of processes.
WINDOWS = 8


@dataclass(frozen=True, kw_only=True)
class Order:
    """The rows wanted by a claim, and the way to find them.

    Attributes:
        due: The target and the moment.
        parts: Querysets of due rows, and how many rows to read from every queryset.
        size: How many rows in all.
        by_index: Pass over rows locked by others, however many, even where this takes longer.
        rows_of: The kind of due rows.
    """

    due: Due
    parts: Parts
    size: int
    by_index: bool
    rows_of: RowsOf

    def admit(self, interruptions: Iterable[int]) -> None:
        """Refuse interrupted rows, where all due rows are wanted.

        Args:
            interruptions: How often each of the found rows was interrupted.

        Raises:
            InterruptedFound: When a row was interrupted: such rows go after the others.
        """
        if self.rows_of is free_rows and any(interruptions):
            raise InterruptedFound


def claiming_transaction(using: str) -> AbstractContextManager[Any]:
    """Return the context for locking and marking rows.

    A transaction, except where the database cannot pass over locked rows, as SQLite: outside a
    transaction SQLite waits for another writer; inside, SQLite refuses to turn an outdated read
    into a write.

    Args:
        using: The database's alias.
    """
    return transaction.atomic(using=using) if skips_locked(using) else nullcontext()


def skips_locked(using: str) -> bool:
    """Return whether the database can pass over rows locked by others.

    Args:
        using: The database's alias.
    """
    return connections[using].features.has_select_for_update_skip_locked


def first_keys(order: Order) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """Return the first keys in order, and the free keys among them; their rows are locked.

    Args:
        order: The rows in question and their order, with the number of rows.
    """
    using = order.due.using
    if not skips_locked(using):
        keys = _keys(order, lock=False)
        return keys, keys
    if connections[using].vendor != "mysql" or order.by_index:
        keys = _keys(order, lock=True)
        return keys, keys
    # For such a query MariaDB and MySQL lock all rows read on the way, so that a run recording
    # those rows waits for this claim. A query by keys reads no other rows.
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
    """Yield the first keys in order, and then the following keys, where others take the first."""
    size = order.size
    if first := _keys(order, lock=False):
        yield first
    if len(first) == size:
        further = [(part, number * WINDOWS) for part, number in order.parts]
        keys = _keys(replace(order, parts=further, size=size * WINDOWS), lock=False)
        yield from (keys[start : start + size] for start in range(size, len(keys), size))


def whole_rows(order: Order) -> list[Notification] | None:
    """Return the first rows with all data for delivery; ``None`` where a row cannot be read.

    Args:
        order: The rows in question and their order, with the number of rows.
    """
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
    for rows in _queries(order, lock=lock):
        for moment, priority, key, interruptions in rows:
            order.admit((interruptions,))
            first.append((rank(moment, priority, step), key))
    first.sort()
    return [key for _, key in first[: order.size]]


def _queries(order: Order, *, lock: bool) -> list[Any]:
    """Return the queries for the first rows: one for all parts, where the database can.

    In a union, SQLite accepts no limit of a part, and PostgreSQL locks no rows.
    """
    parts = [
        (part.select_for_update(skip_locked=True) if lock else part).values_list(
            "scheduled_delivery", "priority", "id", "interruptions"
        )[:number]
        for part, number in order.parts
    ]
    if lock or len(parts) < 2 or connections[order.due.using].vendor != "mysql":
        return parts
    return [parts[0].union(*parts[1:], all=True)]


def rank_in_memory() -> Callable[[Notification], timedelta]:
    """Return the sort key for the order of delivery."""
    return partial(rank_of, step=priority_step())


def still_due(rows: NotificationQuerySet, due_by: datetime) -> NotificationQuerySet:
    """Leave out rows, named by their keys, that are no longer due.

    Args:
        rows: The rows.
        due_by: The latest ``scheduled_delivery``.
    """
    # Negated, because no index serves a negation: for a plain condition SQLite would read all
    # pending rows.
    return rows.exclude(status__in=ENDED).exclude(scheduled_delivery__gt=due_by)
