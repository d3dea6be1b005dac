"""Taking a batch of due notifications, so that no other run has them."""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import DatabaseError, connections
from django.db.models import DateTimeField, ExpressionWrapper, F

from ...conf import engine_settings
from ...database import patiently
from ...models import Notification, NotificationTarget
from ...models.expressions import Among, DatabaseNow
from ...models.notification import NotificationQuerySet
from ...outcome import one_line
from .due import due_of_target
from .free_rows import (
    Order,
    claiming_transaction,
    first_keys,
    rank_in_memory,
    skips_locked,
    still_due,
    whole_rows,
)
from .interrupted import InterruptedFound, turns, uninterrupted_of_target
from .large_texts import read
from .levels import Levels
from .order import RowsOf, first_of

#: How long a claim waits for a transaction of others that holds all that goes first, and how long
#: between two looks, in seconds.
LONGEST_WAIT_SECONDS = 0.2
WAIT_STEP_SECONDS = 0.01


Claimed = TypeVar("Claimed", "Claim", list[uuid.UUID])


@dataclass
class Claim:
    """A batch that one run holds.

    Attributes:
        token: What marks its rows in the database.
        notifications: The rows, in the order in which they are to go.
        using: The database's alias.
        unreadable: Why a row of it cannot be read in full, by its key.
        is_last: Whether nothing more was due and free when it was made.
        sent_home: Whether rows were found whose record has moved to another target.
        leaves_interrupted: Whether only rows that were interrupted are left to claim.
        is_counted: Whether the claim counts as an interruption of its rows until their outcome.
        latest: The latest ``scheduled_delivery`` of its rows: a row that has a later one by now was
            put off since.
        marking: The rows that are being claimed, until the database has answered.
    """

    token: uuid.UUID
    notifications: list[Notification]
    using: str
    unreadable: dict[uuid.UUID, str] = field(default_factory=dict)
    is_last: bool = False
    sent_home: bool = False
    leaves_interrupted: bool = False
    is_counted: bool = True
    latest: datetime | None = None
    marking: list[uuid.UUID] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether it holds anything."""
        return bool(self.notifications)

    @property
    def was_interrupted(self) -> bool:
        """Whether its rows were claimed before, by runs that died: they are to go alone."""
        return any(row.interruptions > 1 for row in self.notifications)

    def rows(self, ids: Iterable[uuid.UUID]) -> NotificationQuerySet:
        """Return those of the batch, by their keys, that this run still holds."""
        return Notification.objects.using(self.using).filter(
            Among("id", ids), claim_token=self.token
        )

    def deliverable(self, ids: Iterable[uuid.UUID], at: datetime) -> NotificationQuerySet:
        """Return those of the batch that are to be sent at a moment, even now."""
        rows = self.rows(ids).deliverable()
        # By what they are not, which no index serves: the rows are read by their keys.
        return rows.exclude(scheduled_delivery__gt=at).exclude(expires_at__lte=at)

    def renew(self, ids: Iterable[uuid.UUID], lease_seconds: float) -> None:
        """Hold these for another lease."""
        rows = self.rows(ids)
        patiently(lambda: rows.update(claimed_until=_lease_end(lease_seconds)), using=self.using)

    def release(self, ids: Iterable[uuid.UUID]) -> int:
        """Give these back as they were; return how many were still held."""
        rows = self.rows(ids)
        return patiently(lambda: rows.update(**self._given_back()), using=self.using)

    def give_back_unanswered(self) -> None:
        """Release what a commit claimed whose answer was lost, before more rows are claimed.

        Nobody would deliver those rows before their lease ends.
        """
        unanswered, self.marking = self.marking, []
        if unanswered:
            self.release(unanswered)

    def send_home(self, ids: Iterable[uuid.UUID]) -> None:
        """Give these back without a target: their record has moved to another."""
        rows = self.rows(ids)
        patiently(lambda: rows.update(**self._given_back(), target=None), using=self.using)

    def _given_back(self) -> dict[str, Any]:
        values: dict[str, Any] = {"claim_token": None, "claimed_until": None}
        if self.is_counted:
            values["interruptions"] = F("interruptions") - 1
        return values


def claim_batch(
    target: NotificationTarget,
    *,
    due_at: datetime,
    size: int,
    lease_seconds: int,
    using: str,
    retries_due_at: datetime | None = None,
    levels: Levels | None = None,
    interrupted: bool = True,
) -> Claim:
    """Claim what goes first of what is due for a target, in one short transaction.

    Where the database has ``SKIP LOCKED`` two runs that claim at once take different rows without
    waiting; where it has not, the ``UPDATE`` takes only what is still free, and the slower run
    goes back for more. A database that is out of reach is waited for.

    Args:
        target: Whose notifications.
        due_at: The latest ``scheduled_delivery``.
        size: How many, at the most.
        lease_seconds: For how long.
        using: The database's alias.
        retries_due_at: The latest ``scheduled_delivery`` of what has failed before, where it is
            another.
        levels: Which priorities there are, where the caller remembers it from claim to claim.
        interrupted: Claim rows that were interrupted, where no others are left.

    Returns:
        The claim; an empty one when nothing is left to claim.
    """
    levels = levels or Levels(target, using=using)
    made: list[Claim] = []

    def claim_of(rows_of: RowsOf, at_most: int) -> Claim:
        claim = Claim(uuid.uuid4(), [], using)
        made.append(claim)

        def take(by_priority: bool) -> None:
            claim.give_back_unanswered()
            claim.notifications.clear()
            claim.unreadable.clear()
            parts, are_shares = first_of(
                target,
                due_at,
                at_most,
                levels if by_priority else None,
                using=using,
                retries_due_at=retries_due_at,
                rows_of=rows_of,
            )
            order = Order(parts, at_most, due_at, using, by_index=not by_priority, rows_of=rows_of)
            number = _take(claim, order, lease_seconds)
            # Where others were faster with some of the shares, there is more to be had.
            claim.is_last = number < at_most and not are_shares

        for by_priority in _tries():
            patiently(partial(take, by_priority), using=using)
            _keep_those_of(target, claim)
            if claim.notifications or claim.is_last:  # again where another run was faster
                break
        return claim

    claim = _in_turn(claim_of, size, levels, interrupted=interrupted)
    claim.is_last = claim.is_last and not levels.has_interrupted
    claim.leaves_interrupted = not claim.notifications and levels.has_interrupted
    claim.sent_home = any(each.sent_home for each in made)
    return claim


def claim_keys(
    target: NotificationTarget,
    *,
    due_at: datetime,
    size: int,
    lease_seconds: int,
    using: str,
    levels: Levels,
    retries_due_at: datetime | None = None,
) -> tuple[uuid.UUID, list[uuid.UUID]]:
    """Claim as ``claim_batch()`` does, for another process to deliver: read no more than the keys.

    Returns:
        The token, and the keys; none when nothing is left to claim. Another run may have been
        faster with some of them, and it is they who have the token.
    """
    # Counted when they are taken over: to wait in a broker is no death.
    claim = Claim(uuid.uuid4(), [], using, is_counted=False)

    def claim_of(rows_of: RowsOf, at_most: int) -> list[uuid.UUID]:
        def take(by_priority: bool) -> tuple[list[uuid.UUID], int, bool]:
            claim.give_back_unanswered()
            parts, are_shares = first_of(
                target,
                due_at,
                at_most,
                levels if by_priority else None,
                using=using,
                retries_due_at=retries_due_at,
                rows_of=rows_of,
            )
            order = Order(parts, at_most, due_at, using, by_index=not by_priority, rows_of=rows_of)
            with claiming_transaction(using):
                keys, free = first_keys(order)
                marked = _mark_free(claim, order, free, lease_seconds)
            claim.marking = []
            return keys, marked, bool(keys) or are_shares

        keys: list[uuid.UUID] = []
        for by_priority in _tries():
            keys, marked, is_more_due = patiently(partial(take, by_priority), using=using)
            if marked or not is_more_due:  # again where another run was faster
                break
        return keys

    return claim.token, _in_turn(claim_of, size, levels, interrupted=True)


def take_over(
    token: uuid.UUID,
    keys: list[uuid.UUID],
    target: NotificationTarget,
    *,
    due_at: datetime,
    lease_seconds: int,
    using: str,
) -> Claim:
    """Make a claim that was handed over this process's own, by a fresh token; read its rows.

    Of two that take over the same batch one finds all of it, the other nothing.

    Args:
        token: What the claim was made with.
        keys: Its rows.
        target: Whose they are.
        due_at: Leave what is due later by now.
        lease_seconds: For how long to hold them from now.
        using: The database's alias.

    Returns:
        The claim; an empty one where the lease has ended, or somebody else was faster.
    """
    claim = Claim(uuid.uuid4(), [], using, is_last=True)
    rows = still_due(Notification.objects.using(using).filter(id__in=keys), due_at)
    held = rows.filter(claim_token=token, claimed_until__gt=DatabaseNow())
    lease = {"claim_token": claim.token, "claimed_until": _lease_end(lease_seconds)}
    patiently(lambda: held.update(**lease, interruptions=F("interruptions") + 1), using=using)
    _read(claim, keys)
    _keep_those_of(target, claim)
    return claim


def _in_turn(
    claim_of: Callable[[RowsOf, int], Claimed], size: int, levels: Levels, *, interrupted: bool
) -> Claimed:
    """Claim the rows that were never interrupted, or where there are none, some that were.

    Nobody asks which rows were interrupted before one of them is met.

    Args:
        claim_of: Claims at most so many of these rows.
        size: How many, at the most.
        levels: Remembers whether interrupted rows were met.
        interrupted: Whether to claim those that were, too.
    """
    if not levels.has_interrupted:
        try:
            return claim_of(due_of_target, size)
        except InterruptedFound:
            levels.has_interrupted = True
    claimed = claim_of(uninterrupted_of_target, size)
    if claimed or not interrupted:
        return claimed
    for rows_of, size_of_group in turns(engine_settings()):
        if claimed := claim_of(rows_of, min(size, size_of_group)):
            return claimed
    levels.has_interrupted = False
    return claimed


def _tries() -> Iterator[bool]:
    """Yield, for one try after another, whether to go by priority.

    Another transaction may hold for long all that goes first; then whatever else is free will do.
    """
    give_up_at = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < give_up_at:
        yield True
        time.sleep(WAIT_STEP_SECONDS)
    while True:
        yield False


def _take(claim: Claim, order: Order, lease_seconds: int) -> int:
    """Mark the first as the claim's own and read them; return how many there were to be had."""
    with claiming_transaction(claim.using):
        rows: list[Notification] | None = None
        # Elsewhere the records and the users would be locked, too, or nothing would.
        if connections[claim.using].vendor == "postgresql":
            rows = whole_rows(order)
        if rows is None:
            keys, free = first_keys(order)
        else:
            keys = free = [row.pk for row in rows]
        marked = _mark_free(claim, order, free, lease_seconds)
    if rows is not None and marked == len(rows):
        for row in rows:
            row.interruptions += 1  # as it was read before it was counted
        claim.notifications.extend(rows)
    elif marked:
        _read(claim, free)
    claim.marking = []
    return len(keys)


def _mark_free(claim: Claim, order: Order, keys: list[uuid.UUID], lease_seconds: int) -> int:
    claim.marking = keys
    return mark(
        keys,
        claim.token,
        lease_seconds,
        order.using,
        still_due_at=None if skips_locked(order.using) else order.due_at,
        is_counted=claim.is_counted,
    )


def _keep_those_of(target: NotificationTarget, claim: Claim) -> None:
    strays = [row for row in claim.notifications if row.target_user_record.target_id != target.pk]
    if strays:
        _send_home(claim, strays)
    for notification in claim.notifications:
        notification.target_user_record.target = target  # one for all: not read for each
    claim.latest = max((row.scheduled_delivery for row in claim.notifications), default=None)


def _send_home(claim: Claim, strays: list[Notification]) -> None:
    """Give back those whose record has moved to another target since they were made."""
    claim.sent_home = True
    keys = {stray.pk for stray in strays}
    claim.notifications[:] = [row for row in claim.notifications if row.pk not in keys]
    claim.send_home(keys)


def _read(claim: Claim, ids: list[uuid.UUID]) -> None:
    rows = claim.rows(ids).for_delivery().order_by("scheduled_delivery", "created_date")
    try:
        claim.notifications.extend(patiently(lambda: read(rows), using=claim.using))
    except DatabaseError:
        raise
    except Exception:
        # One row's JSON is more than Python reads: too long a number, too deep a list.
        for notification_id in ids:
            _read_alone(claim, notification_id)
    claim.notifications.sort(key=rank_in_memory())


def _read_alone(claim: Claim, notification_id: uuid.UUID) -> None:
    row = claim.rows([notification_id]).for_delivery()
    try:
        claim.notifications.extend(read(row))
    except DatabaseError:
        raise
    except Exception as error:
        claim.notifications.extend(row.defer("extra"))
        claim.unreadable[notification_id] = unreadable(error)


def unreadable(error: Exception) -> str:
    """Return the response for a notification whose ``extra`` Python cannot read."""
    return f"Not sent: extra cannot be read ({one_line(error)})."


def mark(
    keys: list[uuid.UUID],
    token: uuid.UUID,
    lease_seconds: int,
    using: str,
    *,
    still_due_at: datetime | None,
    is_counted: bool,
) -> int:
    """Write the claim; where the rows are not locked, on those that are due and free even now.

    Args:
        keys: The rows.
        token: What marks the claim.
        lease_seconds: For how long to hold them.
        using: The database's alias.
        still_due_at: The latest ``scheduled_delivery``, where the rows are not locked.
        is_counted: Whether they are about to be sent, so that a death from now on counts.
    """
    if not keys:
        return 0
    rows = Notification.objects.using(using).filter(Among("id", keys))
    if still_due_at is not None:
        # Another run may have claimed one, failed and set its next attempt in between.
        rows = still_due(rows, still_due_at).unclaimed()
    count = {"interruptions": F("interruptions") + 1} if is_counted else {}
    return rows.update(claim_token=token, claimed_until=_lease_end(lease_seconds), **count)


def _lease_end(lease_seconds: float) -> Any:
    # By the database's clock: the hosts that share it need not agree on the time.
    return ExpressionWrapper(
        DatabaseNow() + timedelta(seconds=lease_seconds), output_field=DateTimeField()
    )
