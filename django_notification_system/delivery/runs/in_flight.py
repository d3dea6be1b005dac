"""A claimed batch on its way: rows without an outcome, and unrecorded outcomes."""

import logging
import time
from datetime import datetime

from django.utils import timezone

from ...conf import WhenUnknown
from ...database import patiently
from ...models import Notification, NotificationTarget
from ...observing.log import log_fields
from ...observing.observers import tell
from ...outcome import Outcome, one_line
from ...targets import target_settings
from ..claims.claim import Claim
from ..claims.interrupted import reason_to_give_up
from ..outcomes.apply import TICK, apply, count_long_wait
from ..outcomes.record import record_outcomes
from .batch_reports import BatchReports
from .context import RunContext
from .instant import Instant
from .lease import Lease
from .sendable import Sendable
from .to_send import ToSend
from .unrecorded import Unrecorded

logger = logging.getLogger("django_notification_system")


class BatchInFlight:
    """A claimed batch, in the hands of the run's thread: only this thread uses the database.

    Args:
        target: The target of all its rows.
        claim: The rows, and the right to them.
        context: The run's context.
        due_by: The run delivers notifications due at this moment.
        read_at: The moment before the rows were claimed and read.

    Attributes:
        target: The target of all its rows.
        claim: The right to the rows.
        when_unknown: The target's choice for unknown outcomes; the lane's thread reads the field.
        lease: The time for which the rows certainly belong to the run.
        unrecorded: Outcomes that wait to be recorded.
        read_at: The moment before the rows were claimed and read.
        was_interrupted: Whether the rows were claimed before, by runs that died.
    """

    def __init__(
        self,
        target: NotificationTarget,
        claim: Claim,
        context: RunContext,
        due_by: datetime,
        read_at: Instant,
    ) -> None:
        self.target = target
        self.claim = claim
        self.when_unknown = target_settings(target.notification_module_name).when_unknown
        self.lease = Lease(claim, context.settings.lease_seconds, read_at)
        self.unrecorded = Unrecorded(context.settings.record_every)
        self.read_at = read_at
        self.was_interrupted = claim.was_interrupted
        self._context = context
        self._due_by = due_by
        #: Rows without an outcome, by key.
        self._open = {notification.pk: notification for notification in claim.notifications}
        self._reports = BatchReports(target, claim, context)
        self._sendable = Sendable(target, claim, due_by, self._open, self._reports)
        self._to_send = ToSend()
        self._has_ended = False
        tell("batch_began", target, claim.token, claim.notifications)

    def begin(self) -> None:
        """Skip rows that must not be sent, and keep the others for the handler.

        Separate from the constructor, so that a batch whose skips fail can still be closed.
        """
        self._sendable.skip(self.claim.notifications)
        if self.was_interrupted:
            self._end_interrupted()
        self._to_send.extend(self._open.values())
        # Finished rows, with their texts, can leave the memory.
        self.claim.notifications = []

    @property
    def has_more(self) -> bool:
        """Whether some rows are still to be fed to the handler."""
        return len(self._to_send) > 0

    @property
    def waiting(self) -> int:
        """How many rows are still to be fed to the handler, or skipped before."""
        return len(self._to_send)

    @property
    def in_flight(self) -> int:
        """How many rows were fed to the handler, and have no outcome."""
        return len(self._open) - len(self._to_send)

    @property
    def is_done(self) -> bool:
        """Whether all outcomes are known and recorded."""
        return not (self._open or self.unrecorded)

    def recheck(self, notifications: list[Notification]) -> list[Notification]:
        """Return the rows of a slice that are still to be sent after their wait.

        Args:
            notifications: The slice.
        """
        self.lease.renew_if_old(self._open)
        return self._sendable.still_wanted(notifications)

    def next_slice(self, *, just_claimed: bool) -> list[Notification]:
        """Return the next rows to send; none where no row of the slice is still to be sent.

        Args:
            just_claimed: Whether the rows were read at this very moment, and need no recheck.
        """
        candidates = self._to_send.next_slice()
        if not just_claimed:
            candidates = self._sendable.still_wanted(candidates)
        prepared = self._sendable.with_bodies(self._sendable.with_texts(candidates))
        at, since = timezone.now(), time.monotonic()
        for outcome in prepared.failed:
            self.take_outcome(outcome, at=at, since=since)
        return prepared.ready

    def take_outcome(
        self,
        outcome: Outcome,
        *,
        at: datetime,
        since: float,
        when_unknown: WhenUnknown | None = None,
    ) -> None:
        """Apply an outcome to its notification, and record when enough outcomes wait.

        Args:
            outcome: The outcome of the attempt.
            at: When the handler yielded the outcome.
            since: The same moment by the monotonic clock.
            when_unknown: Whether an unknown outcome is a failure; by default the target's choice.
        """
        key = outcome.notification.pk
        if key not in self._open:
            return  # cancelled or deleted meanwhile
        outcome = self._applied(outcome, at, when_unknown or self.when_unknown)
        del self._open[key]
        self.unrecorded.add(outcome, since)
        if self.unrecorded.is_full:
            self.record()

    def keep_time(self, progress_at: float) -> None:
        """Record outcomes that have waited long enough, and renew the other rows' lease.

        Args:
            progress_at: When the handler last made progress, by the monotonic clock.
        """
        if self.unrecorded.is_old:
            self.record()
        if self._open:
            self.lease.keep(self._open, progress_at)

    def record(self) -> None:
        """Record the waiting outcomes."""
        outcomes = self.unrecorded.outcomes
        if not outcomes:
            return
        # Kept until the record succeeds: the end of the run tries once more.
        record_outcomes(self.claim, outcomes)
        self.unrecorded.outcomes = []
        logger.debug(
            "%s: recorded %d.",
            self.target.name,
            len(outcomes),
            extra=log_fields(self.target, batch_token=self.claim.token, count=len(outcomes)),
        )
        attempts = [outcome for outcome in outcomes if outcome.is_attempt]
        tell("recorded", self.target, self.claim.token, attempts)
        self._reports.announce([outcome.notification for outcome in outcomes])

    def put_back(self, notification: Notification, *, was_refused: bool = True) -> bool:
        """Keep a row refused by a busy provider, to be fed again.

        Args:
            notification: The row, without an outcome.
            was_refused: Whether the provider was asked at all.

        Returns:
            ``False`` where the row was refused again and again: the provider is more than busy
            then.
        """
        if not self._to_send.count_refusal(notification.pk, was_refused=was_refused):
            return False
        if notification.pk in self._open:
            self._to_send.put_back(notification)
        return True

    def put_last(self, notification: Notification, *, at: datetime) -> None:
        """Put a row behind all due rows, after a vain try that was no attempt.

        Args:
            notification: The row, without an outcome.
            at: When the row was tried.
        """
        rows = self.claim.rows([notification.pk]).due(self._due_by)
        moment = max(at, self._due_by + TICK)
        patiently(lambda: rows.update(scheduled_delivery=moment), using=self.claim.using)

    def report_blocked(self, problem: str) -> None:
        """Report the rows that the target's problem has blocked.

        Args:
            problem: Why the target could not be used.
        """
        for notification in self._open.values():
            self._reports.report(notification, problem)

    def close(self, problem: str | None = None) -> None:
        """Record outcomes, and release rows without an outcome.

        Args:
            problem: Why the target could not be used, or ``None``.
        """
        try:
            self.record()
            if self._open:
                self.claim.release(self._open)
                self._open.clear()
        finally:
            self.end(problem)

    def end(self, problem: str | None = None) -> None:
        """Tell observers the end of the batch, once; outcomes recorded later are not observed.

        Args:
            problem: Why the target could not be used, or ``None``.
        """
        if not self._has_ended:
            self._has_ended = True
            tell("batch_ended", self.target, self.claim.token, problem or "")

    def _applied(self, outcome: Outcome, at: datetime, when_unknown: WhenUnknown) -> Outcome:
        """Apply an outcome and return it; an outcome without sense counts as unknown."""
        try:
            outcome = count_long_wait(outcome, at=at)
            apply(outcome, at=at, due_by=self._due_by, when_unknown=when_unknown)
        except Exception as error:
            notification = outcome.notification
            logger.exception(
                "The handler of target %r yielded a bad outcome.",
                self.target.name,
                extra=log_fields(
                    self.target, notification=notification, batch_token=self.claim.token
                ),
            )
            said = f"Its handler yielded an outcome that makes no sense ({one_line(error)})."
            outcome = Outcome.unknown(notification, said)
            apply(outcome, at=at, due_by=self._due_by, when_unknown=when_unknown)
        return outcome

    def _end_interrupted(self) -> None:
        """End rows that were interrupted too often, before a handler gets them once more."""
        at, since = timezone.now(), time.monotonic()
        for notification in list(self._open.values()):
            if reason := reason_to_give_up(notification, self._context.settings):
                outcome = Outcome.unknown(notification, reason)
                self.take_outcome(outcome, at=at, since=since, when_unknown="fail")
