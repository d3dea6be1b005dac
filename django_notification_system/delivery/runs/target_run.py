"""The run of a target: claim, feed the lane, apply its answers, record."""

import logging
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter

from django.utils import timezone

from ...observing.log import log_fields, without_addresses
from ...outcome import Outcome
from ...targets import target_settings
from ..claims.rate import LONGEST_RATE_WAIT_SECONDS, Rate
from .batches import Batches
from .concurrency_memory import remember
from .context import RunContext
from .in_flight import BatchInFlight
from .instant import Instant
from .lane import Lane
from .lull import Lull
from .messages import BatchRow, FinishCall, Slice
from .pause_recheck import PauseRecheck
from .sources import Source
from .trouble import Trouble
from .turn import Turn
from .unrecorded import RECORD_AFTER_SECONDS

logger = logging.getLogger("django_notification_system")

#: The next batch is claimed when fewer rows of the present batch wait: a claim takes as long as
#: sending some dozens of messages over a fast connection.
CLAIM_AHEAD = 100


class TargetRun:
    """Keeps a lane at work, and its rows in order. Runs in the run's thread.

    Args:
        lane: The target's lane.
        context: The run's context.
        source: Claims the rows.
        is_alone: Whether the lane runs in this very thread, so that a wait is a sleep.
        may_go_alone: Returns whether no other target has rows on their way, so that interrupted
            rows may be sent.

    Attributes:
        lane: The target's lane.
        problem: Why the target could not be used, or ``None``; set at the lane's end.
    """

    def __init__(
        self,
        lane: Lane,
        context: RunContext,
        source: Source,
        *,
        is_alone: bool,
        may_go_alone: Callable[["TargetRun"], bool],
    ) -> None:
        seconds_each = target_settings(lane.target.notification_module_name).seconds_each
        self.lane = lane
        self.problem: str | None = None
        self._context = context
        self._source = source
        self._due_by = source.due_by
        self._is_alone = is_alone
        self._may_go_alone = may_go_alone
        self._rate = Rate(lane.target, seconds_each, context.using) if seconds_each else None
        self._batches = Batches()
        self._trouble = Trouble(lane.target, lane.shared.reach, context)
        self._pause = PauseRecheck(lane.target, context.using)
        self._turn = Turn()
        #: No more rows are due.
        self._is_exhausted = False
        #: The lane waits: for its rate, for its provider, or for the turn of interrupted rows.
        self._is_waiting = False

    def feed(self) -> None:
        """Feed the next slice to the lane; claim ahead where the handler is known to be at work."""
        self._is_waiting = False
        self.take_answers()
        while self._goes_on():
            if self._waits_for_provider():
                return
            batch = self._batches.with_rows()
            just_claimed = batch is None
            if batch is None:
                if self._must_be_alone() or self._must_wait():
                    return
                asked_for_interrupted = self._turn.is_next
                batch = self._claim()
                if batch is None and self._turn.is_next and not asked_for_interrupted:
                    continue
            if batch is None:
                break
            if self._feed_from(batch, just_claimed=just_claimed):
                return
            if not self._is_alone:
                # No row of the slice is still to be sent. Up to a million such rows may follow; in
                # between, other targets and the reader of reports have their turn.
                self.lane.ask_again()
                return
        self.lane.shared.inbox.put(None)

    def take_answers(self) -> None:
        """Apply the handler's answers, and record when enough outcomes wait."""
        shared = self.lane.shared
        shared.has_posted = False
        if not shared.answers:
            return
        for answer in shared.take_answers():
            if (sound := answer.sound()) is not None:
                self._trouble.take(sound)
                continue
            logger.error(
                "The handler of target %r yielded %s for no notification that waits for an"
                " outcome; ignored.",
                self.lane.target.name,
                type(answer.outcome).__name__,
                extra=log_fields(self.lane.target),
            )
        unrecorded = self._batches.unrecorded
        if unrecorded >= self._context.settings.record_every:
            self._batches.record()
            unrecorded = 0
        shared.note_unrecorded(unrecorded)

    def recheck(self, rows: Sequence[BatchRow]) -> None:
        """Feed the rows that are still to be sent once more.

        Args:
            rows: Rows whose wait has ended.
        """
        checked_at = Instant.now()
        wanted: list[BatchRow] = []
        for batch, group in groupby(rows, key=itemgetter(0)):
            notifications = batch.recheck([notification for _, notification in group])
            wanted += [(batch, notification) for notification in notifications]
        self.lane.shared.inbox.put(Slice(wanted, checked_at, is_recheck=True))

    def keep_time(self) -> None:
        """Record outcomes that have waited long enough, and renew leases."""
        self.take_answers()
        if self._is_waiting:
            self.lane.shared.note_progress()  # the lane waits, and no handler hangs
            self.feed()
        self._batches.keep_time(self.lane.shared.progress_at)
        self.lane.shared.note_unrecorded(self._batches.unrecorded)

    def finish(self, problem: str | None) -> None:
        """Record all known outcomes, release the other rows, and end the lane.

        Args:
            problem: Why the target could not be used, or ``None``.
        """
        self.take_answers()
        if problem is not None:
            problem = without_addresses(problem, self.lane.shared.taken_notifications())
        self.problem = self._trouble.end(problem) or self._pause.found
        self._batches.close(self.problem)
        self.lane.shared.inbox.put(None)
        remember(self.lane.target, self.lane.shared.concurrency, using=self._context.using)

    def abandon(self, response: str, *, problem: str | None = None) -> None:
        """Give up on the handler: rows that may be sent already become unknown; then finish.

        Args:
            response: The reason, for the notifications, in English as all responses.
            problem: The reason, for people who look after the target. ``None``: the run is ended,
                and no handler hangs; then rows whose sending has not begun are released.
        """
        shared = self.lane.shared
        shared.is_left_behind = True  # a handler that comes back to life sends no more
        self.take_answers()
        at, monotonic = timezone.now(), time.monotonic()
        taken = shared.release_unsent() if problem is None else list(shared.taken.values())
        for batch, notification in taken:
            batch.take_outcome(Outcome.unknown(notification, response), at=at, since=monotonic)
        self.finish(problem)

    def end_batches(self) -> None:
        """Tell observers the end of the batches, though the database takes no outcome."""
        self._batches.end()

    @property
    def is_busy(self) -> bool:
        """Whether rows are on their way, or uninterrupted rows may follow."""
        return not (self._is_exhausted or self._turn.is_next) or self._is_anything_in_flight

    @property
    def sends_interrupted(self) -> bool:
        """Whether interrupted rows are on their way."""
        return self._batches.sends_interrupted

    @property
    def has_waited_long(self) -> bool:
        """Whether interrupted rows have waited for their turn as long as they may."""
        return self._turn.has_waited_long

    @property
    def is_stalled(self) -> bool:
        """Whether the handler has made no progress for as long as a lease lasts."""
        silent_seconds = time.monotonic() - self.lane.shared.progress_at
        return silent_seconds > self._context.settings.lease_seconds

    @property
    def _is_anything_in_flight(self) -> bool:
        return self._batches.in_flight > self._trouble.kept

    def _goes_on(self) -> bool:
        if self._context.is_stopping() or self._pause.finds_pause():
            return False
        return not self._trouble.lull.is_too_long

    def _feed_from(self, batch: BatchInFlight, *, just_claimed: bool) -> bool:
        """Feed a slice of a batch; return whether any row of the slice is still to be sent."""
        checked_at = batch.read_at if just_claimed else Instant.now()
        notifications = batch.next_slice(just_claimed=just_claimed)
        if not notifications:
            return False
        shared = self.lane.shared
        shared.note_progress()
        shared.inbox.put(Slice([(batch, each) for each in notifications], checked_at))
        # Not with a rate, nor before interrupted rows: those are claimed just before they are sent.
        is_free = self._rate is None and not self._turn.is_next
        if is_free and shared.reach.has_answered and self._batches.waiting < CLAIM_AHEAD:
            self._claim()
        return True

    def _claim(self) -> BatchInFlight | None:
        if self._context.is_stopping() or self._is_exhausted:
            return None
        size = self._context.settings.batch_size
        if self._rate is not None:
            size = min(size, self._rate.reserved)
        target, read_at = self.lane.target, Instant.now()
        claim = self._source.take(target, size, interrupted=self._turn.is_next)
        batch = None
        if claim.notifications:
            batch = BatchInFlight(target, claim, self._context, self._due_by, read_at)
            # Added first: a batch that fails must still be closed.
            self._batches.add(batch)
        self._turn.note(claim)
        self._is_exhausted = claim.is_last
        count = len(claim.notifications)
        if self._rate is not None:
            self._rate.use(count)
        if batch is None:
            return None
        fields = log_fields(target, batch_token=claim.token, count=count)
        logger.debug("%s: claimed %d.", target.name, count, extra=fields)
        batch.begin()
        return batch

    def _must_be_alone(self) -> bool:
        """Return whether to wait, because interrupted rows are on their way, or are next.

        Known outcomes are recorded first: an interrupted row may kill the process.
        """
        if not self._turn.is_next:
            return False
        if self._is_anything_in_flight:
            self.lane.shared.inbox.put(FinishCall.FINISH_CALL)
            return True
        self._batches.record()
        if self._may_go_alone(self):
            return False
        self._is_waiting = self._turn.wait()
        return self._is_waiting

    def _must_wait(self) -> bool:
        """Return whether the rate allows no claim yet; reserve time where none is reserved."""
        if self._rate is None or self._is_exhausted:
            return False
        if not self._rate.reserved and not self._rate.reserve(self._context.settings.batch_size):
            logger.debug(
                "%s: its rate is used up for more than %d seconds.",
                self.lane.target.name,
                LONGEST_RATE_WAIT_SECONDS,
                extra=log_fields(self.lane.target),
            )
            self._is_exhausted = True
            return False
        return self._waits(self._rate)

    def _waits_for_provider(self) -> bool:
        """Return whether the provider is busy for the moment; meanwhile no row is fed."""
        returned = self.lane.shared.returned
        while returned:
            batch, notification = returned.popleft()
            batch.put_back(notification, was_refused=False)
        lull = self._trouble.lull
        if not lull.is_on:
            return False
        is_waiting = self._waits(lull)
        lull.count()
        return is_waiting

    def _waits(self, wait: Rate | Lull) -> bool:
        """Wait here for a lane in this thread; else return whether the lane has to wait."""
        while self._is_alone and wait.seconds_to_wait and not self._context.is_stopping():
            time.sleep(min(wait.seconds_to_wait, RECORD_AFTER_SECONDS))
        self._is_waiting = wait.seconds_to_wait > 0
        return self._is_waiting and not self._is_alone
