"""Sources of a run's claims: due rows, rows coming due, or a batch handed over."""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.utils import timezone

from ...conf import engine_settings
from ...models import NotificationTarget
from ..claims.claim import Claim
from ..claims.due import Due, targets_with_due
from ..claims.levels import Levels
from ..claims.order import first_by_target
from ..claims.pause import is_paused
from ..claims.take import take
from ..claims.take_over import take_over
from .rests import Rests

#: A lane that goes on does not retry a failed row sooner: the shortest interval.
RETRY_AFTER = timedelta(minutes=1)


class Source(Protocol):
    """Knows the targets with rows to claim, and claims.

    A run calls all methods in its own thread.
    """

    @property
    def due_by(self) -> datetime:
        """Rows count as due up to this moment."""

    @property
    def every_target(self) -> Sequence[NotificationTarget]:
        """All targets of the run, with due rows or without."""

    def targets(self, busy: Collection[Any]) -> Sequence[NotificationTarget]:
        """Return the targets with rows to claim now, read anew.

        Args:
            busy: The keys of targets that the run is at work on, not to be returned.
        """

    def take(self, target: NotificationTarget, size: int, *, interrupted: bool) -> Claim:
        """Claim the first rows in order.

        Args:
            target: A target returned by ``targets()``.
            size: How many rows, at the most.
            interrupted: Whether to claim interrupted rows, where no others are left.
        """

    def note_end(self, target: NotificationTarget, problem: str | None) -> None:
        """Note the end of the run's work on a target.

        Args:
            target: The target.
            problem: Why the target could not be used, or ``None``.
        """


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """A target at the start of the run's work on it.

    Attributes:
        at: Rows were due up to this moment then.
        levels: The priorities of the target's rows.
    """

    at: datetime
    levels: Levels


class DueSource:
    """Claims the rows due when a run begins.

    Args:
        every_target: The targets to claim for.
        using: The database's alias.
        is_stopping: Returns whether the run shall end early.
        due_by: Rows count as due up to this moment; by default now.
        limit: How many rows to claim, at the most: the first in order of all targets.

    Attributes:
        due_by: Rows count as due up to this moment.
        every_target: The targets to claim for.
    """

    def __init__(
        self,
        every_target: Sequence[NotificationTarget],
        *,
        using: str,
        is_stopping: Callable[[], bool],
        due_by: datetime | None = None,
        limit: int | None = None,
    ) -> None:
        self.due_by = due_by or timezone.now()
        self.every_target = every_target
        self._using = using
        self._is_stopping = is_stopping
        self._limit = limit
        #: How many rows may still be claimed, by the target's key; ``None``: all due rows.
        self._left: Counter[Any] | None = None
        self._opened: dict[Any, _Opened] = {}
        #: Targets that cannot be used.
        self._unusable: set[Any] = set()
        self._has_asked = False
        #: Rows whose record was moved to another target; run the other target again.
        self._rows_moved = False

    def targets(self, busy: Collection[Any]) -> Sequence[NotificationTarget]:
        """Return the targets with due rows, once; again after rows were moved."""
        return [] if self._has_answered(busy) else self._with_due(busy)

    def take(self, target: NotificationTarget, size: int, *, interrupted: bool) -> Claim:
        """Claim the first rows in order; see ``Source.take()``."""
        if not self._may_claim(target):
            return Claim(uuid.uuid4(), [], self._using, is_last=True)
        opened = self._opened[target.pk]
        due = Due(
            target=target,
            # A watch's moment moves on: rows that came due since may have to go before the rest.
            due_by=self.due_by,
            retries_due_by=max(opened.at, self.due_by - RETRY_AFTER),
            using=self._using,
        )
        claim = take(
            due,
            size if self._left is None else min(size, self._left[target.pk]),
            lease_seconds=engine_settings().lease_seconds,
            levels=opened.levels,
            interrupted=interrupted,
        )
        self._rows_moved |= claim.rows_moved
        if self._left is not None:
            self._left[target.pk] -= len(claim.notifications)
            claim.is_last |= not self._may_claim(target)
        return claim

    def note_end(self, target: NotificationTarget, problem: str | None) -> None:
        """Leave an unusable target alone from now on; see ``Source.note_end()``."""
        if problem is None:
            self._unusable.discard(target.pk)
        else:
            self._unusable.add(target.pk)

    def _has_answered(self, busy: Collection[Any]) -> bool:
        """Return whether all due targets were returned: moved rows may have an idle target."""
        return self._has_asked and (bool(busy) or not self._rows_moved)

    def _can_use(self, target: NotificationTarget) -> bool:
        return target.pk not in self._unusable

    def _with_due(self, busy: Collection[Any]) -> Sequence[NotificationTarget]:
        if self._limit is not None and self._left is None:
            self._left = first_by_target(
                self.every_target, self.due_by, self._limit, using=self._using
            )
        self._has_asked, self._rows_moved = True, False
        usable = [
            target
            for target in self.every_target
            if target.pk not in busy and self._can_use(target)
        ]
        due = targets_with_due(
            usable, self.due_by, using=self._using, is_stopping=self._is_stopping
        )
        # The run names a paused target, even outside the limit.
        found = [target for target in due if self._may_claim(target) or is_paused(target)]
        for target in found:
            levels = Levels(target, using=self._using)
            self._opened[target.pk] = _Opened(at=self.due_by, levels=levels)
        return found

    def _may_claim(self, target: NotificationTarget) -> bool:
        return self._left is None or self._left[target.pk] > 0


class WatchSource(DueSource):
    """Claims due rows, and rows that come due while the run is at work.

    Args:
        every_target: The targets to claim for.
        using: The database's alias.
        is_stopping: Returns whether the run shall end early.
        is_more_due: Called again and again while the run is at work; returns whether to search for
            targets with new due rows.
        rests: The targets left alone for a while.
    """

    def __init__(
        self,
        every_target: Sequence[NotificationTarget],
        *,
        using: str,
        is_stopping: Callable[[], bool],
        is_more_due: Callable[[], bool],
        rests: Rests,
    ) -> None:
        super().__init__(every_target, using=using, is_stopping=is_stopping)
        self._is_more_due = is_more_due
        self._rests = rests
        #: How many seconds the last search for targets took.
        self.search_seconds = 0.0

    def targets(self, busy: Collection[Any]) -> Sequence[NotificationTarget]:
        """Return the targets with due rows, or with rows come due since."""
        if self._has_answered(busy):
            if not self._is_more_due():
                return []
            self.due_by = timezone.now()
        began = time.monotonic()
        found = self._with_due(busy)
        self.search_seconds = time.monotonic() - began
        return found

    def note_end(self, target: NotificationTarget, problem: str | None) -> None:
        """Let an unusable target rest at once, because the run may go on for long.

        See ``Source.note_end()`` for the arguments.
        """
        self._rests.note(target, problem)

    def _can_use(self, target: NotificationTarget) -> bool:
        return not self._rests.is_resting(target)


class HandedOverSource:
    """Takes over a batch claimed and handed over by another process.

    The run takes the batch over just before sending, after the wait for the target's rate: no other
    process finds the batch any more, and the lease begins anew.

    Args:
        target: The batch's target.
        token: The claim's token.
        keys: The rows' keys, in order.
        due_by: Rows rescheduled beyond this moment are left out.
        using: The database's alias.

    Attributes:
        due_by: Rows rescheduled beyond this moment are left out.
        every_target: The batch's target.
        is_taken: Whether the run has taken the batch over.
        size: How many rows the batch still had then.
    """

    def __init__(
        self,
        target: NotificationTarget,
        token: uuid.UUID,
        keys: list[uuid.UUID],
        *,
        due_by: datetime,
        using: str,
    ) -> None:
        self.due_by = due_by
        self.every_target: Sequence[NotificationTarget] = [target]
        self.is_taken = False
        self.size = 0
        self._has_answered = False
        self._token = token
        self._keys = keys
        self._using = using

    def targets(self, busy: Collection[Any]) -> Sequence[NotificationTarget]:
        """Return the batch's target, once."""
        if self._has_answered:
            return []
        self._has_answered = True
        return self.every_target

    def take(self, target: NotificationTarget, size: int, *, interrupted: bool) -> Claim:
        """Take over the first rows, and release the rest; after the first call take none.

        Args:
            target: The batch's target.
            size: How many rows, at the most.
            interrupted: Ignored: the rows were claimed before.
        """
        keys = [] if self.is_taken else self._keys[:size]
        self.is_taken = True
        claim = take_over(
            self._token,
            keys,
            Due(target=target, due_by=self.due_by, using=self._using),
            lease_seconds=engine_settings().lease_seconds,
        )
        self.size += len(claim.notifications)
        self.release()
        return claim

    def note_end(self, target: NotificationTarget, problem: str | None) -> None:
        """Do nothing: the code that handed the batch over hears of the problem.

        See ``Source.note_end()`` for the arguments.
        """

    def release(self) -> None:
        """Release the rows that no process has taken over."""
        Claim(self._token, [], self._using, is_counted=False).release(self._keys)
