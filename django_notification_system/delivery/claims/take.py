"""Claim the first rows in order, so that no other run has them."""

import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial

from django.db import connections

from ...conf import engine_settings
from ...database import patiently
from ...models import Notification
from .claim import Claim
from .claimed_rows import keep_rows_of, read_claimed
from .due import Due, RowsOf, free_rows
from .free_rows import Order, claiming_transaction, first_keys, skips_locked, whole_rows
from .interrupted import InterruptedFound, turns, uninterrupted_rows
from .levels import Levels
from .mark import mark
from .order import first_of

#: Seconds that a claim waits for another transaction with locks on all first rows.
LONGEST_WAIT_FOR_FIRST_SECONDS = 0.2
SECONDS_BETWEEN_TRIES = 0.01


def take(
    due: Due,
    size: int,
    *,
    lease_seconds: float,
    levels: Levels | None = None,
    interrupted: bool = True,
    reads: bool = True,
) -> Claim:
    """Claim the first due rows of a target, in one short transaction.

    On databases with ``SKIP LOCKED``, two simultaneous claims take different rows without waiting.
    On others the ``UPDATE`` takes only rows still free, and the slower run tries again. While the
    database is out of reach, this function waits.

    Args:
        due: The target and the moment.
        size: How many rows, at the most.
        lease_seconds: The length of the lease.
        levels: The target's priorities, if the caller remembers them from claim to claim.
        interrupted: Claim interrupted rows, where no others are left.
        reads: Read the rows. Otherwise the claim has only keys, another process delivers the rows,
            and the wait for the other process counts as no interruption.

    Returns:
        The claim; empty when no rows are left to claim.

    Raises:
        DatabaseError: When the database is out of reach for longer than a run waits.
    """
    levels = levels or Levels(due.target, using=due.using)
    made: list[Claim] = []

    def take_of(rows_of: RowsOf, most: int) -> Claim:
        claim = Claim(uuid.uuid4(), [], due.using, is_counted=reads)
        made.append(claim)
        _take(claim, due, most, levels, rows_of, lease_seconds)
        return claim

    claim = _in_turn(take_of, size, levels, interrupted=interrupted)
    claim.is_last = claim.is_last and not levels.has_interrupted
    claim.leaves_interrupted = not claim and levels.has_interrupted
    claim.rows_moved = any(each.rows_moved for each in made)
    return claim


def _in_turn(
    take_of: Callable[[RowsOf, int], Claim], size: int, levels: Levels, *, interrupted: bool
) -> Claim:
    """Claim uninterrupted rows or, where none are left, interrupted rows.

    No query asks for interrupted rows before a claim has met one.

    Args:
        take_of: Claims rows of a kind, up to a number.
        size: How many rows, at the most.
        levels: Remembers whether interrupted rows were met.
        interrupted: Whether to claim interrupted rows, too.
    """
    if not levels.has_interrupted:
        try:
            return take_of(free_rows, size)
        except InterruptedFound:
            levels.has_interrupted = True
    claim = take_of(uninterrupted_rows, size)
    if claim or not interrupted:
        return claim
    for rows_of, size_of_group in turns(engine_settings()):
        if claim := take_of(rows_of, min(size, size_of_group)):
            return claim
    levels.has_interrupted = False
    return claim


def _take(
    claim: Claim, due: Due, size: int, levels: Levels, rows_of: RowsOf, lease_seconds: float
) -> None:
    """Try until rows are claimed, or none are left; again where another run was faster."""

    def take_once(by_priority: bool) -> None:
        claim.release_unanswered()
        claim.notifications.clear()
        claim.unreadable.clear()
        parts, are_portions = first_of(due, size, levels if by_priority else None, rows_of=rows_of)
        order = Order(due=due, parts=parts, size=size, by_index=not by_priority, rows_of=rows_of)
        found = _mark_first(claim, order, lease_seconds)
        # Where others were faster with some of the portions, more rows are left.
        claim.is_last = found < size and not are_portions

    for by_priority in _tries():
        patiently(partial(take_once, by_priority), using=due.using)
        keep_rows_of(due.target, claim)
        if claim or claim.is_last:
            return


def _tries() -> Iterator[bool]:
    """Yield True (claim by priority) for 0.2 s, then False (claim any free row).

    Another transaction may lock all first rows for long.
    """
    give_up_at = time.monotonic() + LONGEST_WAIT_FOR_FIRST_SECONDS
    while time.monotonic() < give_up_at:
        yield True
        time.sleep(SECONDS_BETWEEN_TRIES)
    while True:
        yield False


def _mark_first(claim: Claim, order: Order, lease_seconds: float) -> int:
    """Claim the first rows and read them; return how many were found."""
    using, reads = claim.using, claim.is_counted
    with claiming_transaction(using):
        rows: list[Notification] | None = None
        # Other databases would lock the records and the users, too, or nothing.
        if reads and connections[using].vendor == "postgresql":
            rows = whole_rows(order)
        if rows is None:
            keys, free = first_keys(order)
        else:
            keys = free = [row.pk for row in rows]
        free_and_due_by = None if skips_locked(using) else order.due.due_by
        marked = mark(claim, free, lease_seconds, free_and_due_by=free_and_due_by)
    if not reads:
        claim.keys = free if marked else []
    elif rows is not None and marked == len(rows):
        for row in rows:
            row.interruptions += 1  # the row was read before it was counted
        claim.notifications.extend(rows)
    elif marked:
        read_claimed(claim, free)
    claim.marking = []
    return len(keys)
