"""What the run's own thread does for one lane: claim, hand over, take the answers, record."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Protocol

from django.utils import timezone

from ...conf import EngineSettings, target_settings
from ...database import patiently
from ...models import Notification, NotificationTarget
from ...observing.log import log_fields, without_addresses
from ...outcome import Outcome
from ..claims.claim import Claim
from ..claims.pause import explained, is_paused, pause, resume
from ..claims.rate import LONGEST_WAIT_SECONDS, Rate
from .in_flight import RECORD_AFTER_SECONDS, BatchInFlight
from .instant import Instant
from .lane import Answer, FinishCall, Lane, Slice
from .lull import Lull
from .report import Report

logger = logging.getLogger("django_notification_system")

#: Claim the next batch when fewer than so many of the present one wait to be handed over: a claim
#: takes as long as it takes to send some dozens over a fast connection.
CLAIM_AHEAD = 100
#: How often a lane looks whether its target has been paused.
LOOK_EVERY_SECONDS = 1.0
#: How long interrupted rows wait for the other targets of the run to have nothing on its way.
LONGEST_TURN_SECONDS = 10.0


class Take(Protocol):
    """Claims what is to be delivered next."""

    def __call__(self, size: int, *, interrupted: bool) -> Claim:
        """Claim at most so many, and where no others are left, rows that were interrupted."""


class TargetRun:
    """Keeps one lane in work, and its rows in order. It alone uses the database for them.

    Args:
        lane: Whom to target_run.
        take: Claims what is to be delivered next.
        due_at: Deliver what is due at this moment.
        allowance: How many may be attempted; ``None``: as many as are due.
        settings: The engine's settings.
        using: The database's alias.
        is_alone: Whether the lane runs in this very thread, so that to wait is to sleep.
        is_stopping: Whether the run is to end early.
        report: Told what was done, for whoever iterates over the run.
        may_go_alone: Whether no other target has anything on its way, and rows that were
            interrupted may be sent.

    Attributes:
        allowance: How many may still be attempted.
        sent_home: Whether notifications were found that belong to another target than was thought.
        problem: What kept the target from being used, once the lane is through.
    """

    def __init__(
        self,
        lane: Lane,
        *,
        take: Take,
        due_at: datetime,
        allowance: int | None,
        settings: EngineSettings,
        using: str,
        is_alone: bool,
        is_stopping: Callable[[], bool],
        report: Callable[[Report], None],
        may_go_alone: Callable[["TargetRun"], bool],
    ) -> None:
        self.lane = lane
        self.sent_home = False
        self.problem: str | None = None
        self._take = take
        self._due_at = due_at
        self.allowance = allowance
        self._settings = settings
        self._using = using
        self._is_alone = is_alone
        self._is_stopping = is_stopping
        self._report = report
        self._may_go_alone = may_go_alone
        target = target_settings(lane.target.notification_module_name)
        self._when_unknown = target.when_unknown
        self._rate = Rate(lane.target, target.seconds_each, using) if target.seconds_each else None
        #: Those of which some notification has no recorded outcome, the oldest first.
        self._batches: list[BatchInFlight] = []
        #: They did not reach the provider; held until another does, or it is found to be down.
        self._unreachable: list[Answer] = []
        self._last_trouble = ""
        self._lull = Lull(settings.pause_seconds)
        #: Nothing more is due.
        self._exhausted = False
        #: What there is to say where the target has been paused since the lane began.
        self._pause_found: str | None = None
        self._looked_at = time.monotonic()
        #: The lane waits for the moment that its rate allows the next, or that it may go alone.
        self._is_waiting = False
        #: All that is left to claim was interrupted.
        self._has_only_interrupted = False
        #: Since when these wait for their turn, and when the lane last looked for other rows.
        self._turn_since: float | None = None
        self._turn_looked_at = 0.0

    def hand_over(self) -> None:
        """Hand over the next slice; claim ahead, too, where the handler is known to be at work."""
        self._is_waiting = False
        self.take_answers()
        while not self._is_stopping() and not self._is_paused() and not self._lull.is_too_long:
            if self._waits_for_provider():
                return
            batch = next((batch for batch in self._batches if batch.has_more), None)
            just_claimed = batch is None
            if batch is None:
                if self._must_be_alone() or self._must_wait():
                    return
                asked_for_interrupted = self._has_only_interrupted
                batch = self._claim()
                if batch is None and self._has_only_interrupted and not asked_for_interrupted:
                    continue
            if batch is None:
                break
            looked_at = batch.read_at if just_claimed else Instant.now()
            if notifications := batch.next_slice(just_claimed=just_claimed):
                self.lane.progress_at = time.monotonic()
                rows = [(batch, notification) for notification in notifications]
                self.lane.inbox.put(Slice(rows, looked_at))
                self._claim_ahead()
                return
            if not self._is_alone:
                # All of it was settled without an attempt. There may be a million such, and the
                # other targets, and whoever reads the reports, come in between.
                self.lane.ask_again()
                return
        self.lane.inbox.put(None)

    def take_answers(self) -> None:
        """Settle what the handler has said, and record it when it is time."""
        for answer in self.lane.take_answers():
            if answer.batch is None or not isinstance(answer.outcome, Outcome):
                logger.error(
                    "The handler of target %r yielded %s for no notification that waits for an"
                    " outcome; ignored.",
                    self.lane.target.name,
                    type(answer.outcome).__name__,
                    extra=log_fields(self.lane.target),
                )
                continue
            self._take_outcome(answer, answer.outcome)
        if self._unrecorded >= self._settings.record_every:
            for batch in self._batches:
                batch.record()
        self.lane.note_unrecorded(self._unrecorded)

    def _take_outcome(self, answer: Answer, outcome: Outcome) -> None:
        if outcome.is_provider_down or outcome.is_busy:
            self._last_trouble = without_addresses(outcome.response, [outcome.notification])
        elif not self.lane.is_cut_off:
            self._lull.end()
            self._apply_unreachable()
        if outcome.is_busy and answer.batch is not None:
            if answer.batch.put_back(outcome.notification):
                self._lull.begin(answer, outcome, has_answered=self.lane.has_answered)
            else:
                _apply(replace(answer, outcome=replace(outcome, is_busy=False)))
            return
        if outcome.is_attempt:
            _apply(answer)
        else:
            self._unreachable.append(answer)

    def look_again(self, rows: Sequence[tuple[BatchInFlight, Notification]]) -> None:
        """Hand over once more what of these rows is to be sent even now."""
        looked_at = Instant.now()
        wanted: list[tuple[BatchInFlight, Notification]] = []
        for batch, group in groupby(rows, key=itemgetter(0)):
            notifications = batch.look_again([notification for _, notification in group])
            wanted += [(batch, notification) for notification in notifications]
        self.lane.inbox.put(Slice(wanted, looked_at, is_answer=True))

    def keep_time(self) -> None:
        """Record what has waited long enough, and renew what is still on its way."""
        self.take_answers()
        if self._is_waiting:
            self.lane.progress_at = time.monotonic()  # it waits for its rate, and no handler hangs
            self.hand_over()
        for batch in list(self._batches):
            batch.keep_time(self.lane.progress_at)
            if batch.is_done and not batch.has_more:
                batch.close()
                self._batches.remove(batch)
        self.lane.note_unrecorded(self._unrecorded)

    def finish(self, problem: str | None) -> None:
        """Record all that is known, and give back the rest.

        Args:
            problem: What kept the target from being used.
        """
        self.take_answers()
        if problem is not None:
            taken = [notification for _, notification in self.lane.taken.values()]
            problem = without_addresses(problem, taken)
        if self._is_fault_of_one:
            self._apply_unreachable()
        if self._lull.is_too_long and problem is None:
            problem = self._pause(self._lull.seconds, self._lull.refused, is_busy=True)
        elif self.lane.is_cut_off or (self._unreachable and problem is None):
            problem = self._pause(self._settings.pause_seconds, self._unreachable)
        elif self.lane.target.paused_until is not None and self.lane.has_answered:
            resume(self.lane.target, using=self._using)
        self.problem = problem = problem or self._pause_found
        for batch in self._batches:
            batch.record()
            if problem is not None:
                batch.hold(problem)
            batch.close(problem)
        self._batches.clear()
        self.lane.inbox.put(None)

    def give_up(self, response: str, *, problem: str | None = None) -> None:
        """Settle what the handler took and will never answer for, and finish.

        Args:
            response: Why, for the notifications, in English as all responses.
            problem: The same for whoever reads what keeps the target from being used. ``None``:
                nothing does, but the run is ended; then what the handler has not begun to send is
                given back.
        """
        self.lane.is_left_behind = True  # should its handler come back to life, it sends no more
        self.take_answers()
        at, monotonic = timezone.now(), time.monotonic()
        is_ended = problem is None  # and no handler hangs: each may have been just about to begin
        taken = self.lane.give_back_unsent() if is_ended else list(self.lane.taken.values())
        for batch, notification in taken:
            _apply(Answer(batch, Outcome.unknown(notification, response), at, monotonic))
        self.finish(problem)

    def end_batches(self) -> None:
        """Tell whoever watches that it is over, though the database lets nothing be recorded."""
        for batch in self._batches:
            batch.end()

    @property
    def is_busy(self) -> bool:
        """Whether something is on its way, or rows that were not interrupted may follow."""
        may_follow = not (self._exhausted or self._has_only_interrupted)
        return may_follow or self._is_anything_in_flight()

    @property
    def is_alone(self) -> bool:
        """Whether rows that were interrupted are on their way."""
        return any(batch.was_interrupted and batch.in_flight for batch in self._batches)

    @property
    def has_waited_long(self) -> bool:
        """Whether rows that were interrupted have waited for their turn as long as they may."""
        since = self._turn_since
        return since is not None and time.monotonic() - since > LONGEST_TURN_SECONDS

    @property
    def stalled(self) -> bool:
        """Whether the handler has made no progress for as long as a lease lasts."""
        return time.monotonic() - self.lane.progress_at > self._settings.lease_seconds

    @property
    def _unrecorded(self) -> int:
        """How many outcomes of all batches wait to be recorded."""
        return sum(batch.unrecorded for batch in self._batches)

    def _claim(self) -> BatchInFlight | None:
        if self._is_stopping() or self.allowance == 0 or self._exhausted:
            return None
        size = self._settings.batch_size
        if self.allowance is not None:
            size = min(size, self.allowance)
        if self._rate is not None:
            size = min(size, self._rate.reserved)
        read_at = Instant.now()
        claim = self._take(size, interrupted=self._has_only_interrupted)
        batch = self._keep(claim, read_at) if claim.notifications else None
        self._has_only_interrupted = claim.leaves_interrupted or claim.was_interrupted
        if not claim.leaves_interrupted:
            self._turn_since = None
        if self._rate is not None:
            self._rate.use(len(claim.notifications))
        self.sent_home |= claim.sent_home
        self._exhausted = claim.is_last
        if batch is None:
            return None
        logger.debug(
            "%s: claimed %d.",
            self.lane.target.name,
            len(claim.notifications),
            extra=log_fields(
                self.lane.target, batch_token=claim.token, count=len(claim.notifications)
            ),
        )
        if self.allowance is not None:
            self.allowance -= len(claim.notifications)
        batch.begin()
        return batch

    def _keep(self, claim: Claim, read_at: Instant) -> BatchInFlight:
        """Make a batch, and keep it before anything else: where that fails, it is to be closed."""
        batch = BatchInFlight(
            self.lane.target,
            claim,
            due_at=self._due_at,
            settings=self._settings,
            when_unknown=self._when_unknown,
            report=self._report,
            read_at=read_at,
        )
        self._batches.append(batch)
        return batch

    def _is_paused(self) -> bool:
        """Tell whether somebody has paused the target meanwhile: a person, or another host's run.

        It is asked once a second: a lane may be at work for hours.
        """
        now = time.monotonic()
        if self._pause_found is None and now - self._looked_at > LOOK_EVERY_SECONDS:
            self._looked_at = now
            rows = NotificationTarget.objects.using(self._using).filter(pk=self.lane.target.pk)
            current = patiently(rows.first, using=self._using)
            if current is not None and is_paused(current):
                self._pause_found = explained(current)
        return self._pause_found is not None

    def _claim_ahead(self) -> None:
        """Claim the next batch while the lane is busy with the end of this one."""
        waiting = sum(batch.waiting for batch in self._batches)
        is_free = self._rate is None and not self._has_only_interrupted
        if waiting < CLAIM_AHEAD and self.lane.has_answered and is_free:
            self._claim()

    def _must_be_alone(self) -> bool:
        """Tell whether to wait, as rows that were interrupted are on their way, or are next.

        One of these rows may kill the process. So nothing else is on its way then: it would count
        as interrupted, too. What is known by then is recorded.
        """
        if not self._has_only_interrupted:
            return False
        if self._is_anything_in_flight():
            self.lane.inbox.put(FinishCall.FINISH_CALL)
            return True
        for batch in self._batches:
            batch.record()
        if self._may_go_alone(self):
            return False
        now = time.monotonic()
        if self._turn_since is None:
            self._turn_since = self._turn_looked_at = now
        if now - self._turn_looked_at > LOOK_EVERY_SECONDS:
            self._turn_looked_at = now
            self._has_only_interrupted = False  # others may have come due meanwhile
            return False
        self._is_waiting = True
        return True

    def _is_anything_in_flight(self) -> bool:
        return sum(batch.in_flight for batch in self._batches) > len(self._unreachable)

    def _must_wait(self) -> bool:
        """Tell whether the rate allows no claim as yet; ask for its share where there is none."""
        if self._rate is None or self._exhausted or self.allowance == 0:
            return False
        if not self._rate.reserved and not self._rate.reserve(self._settings.batch_size):
            logger.debug(
                "%s: its rate is used up for more than %d seconds.",
                self.lane.target.name,
                LONGEST_WAIT_SECONDS,
                extra=log_fields(self.lane.target),
            )
            self._exhausted = True
            return False
        while self._is_alone and self._rate.seconds_to_wait and not self._is_stopping():
            time.sleep(min(self._rate.seconds_to_wait, RECORD_AFTER_SECONDS))
        self._is_waiting = self._rate.seconds_to_wait > 0
        return self._is_waiting and not self._is_alone

    @property
    def _is_fault_of_one(self) -> bool:
        """Whether all that is out of order is what the provider makes of a single notification."""
        return (
            self.lane.has_answered
            and not self.lane.is_cut_off
            and len(self._unreachable) == 1
            and all(_is_out_of_order(answer) for answer in self._unreachable)
        )

    def _apply_unreachable(self) -> None:
        """Settle what did not reach a provider that is there after all.

        What got no connection is tried again a while later. What the provider answered with a fault
        of its own, while it takes others, may be at fault itself: an attempt as any other.
        """
        for answer in self._unreachable:
            if isinstance(answer.outcome, Outcome):
                counted = replace(answer.outcome, out_of_order=False)
                _apply(replace(answer, outcome=counted))
        self._unreachable.clear()

    def _waits_for_provider(self) -> bool:
        """Tell whether the provider is busy for the moment; meanwhile nothing is handed over."""
        while self.lane.put_off:
            batch, notification = self.lane.put_off.popleft()
            batch.put_back(notification, was_refused=False)
        while self._is_alone and self._lull.seconds_to_wait and not self._is_stopping():
            time.sleep(min(self._lull.seconds_to_wait, RECORD_AFTER_SECONDS))
        self._is_waiting = not self._lull.is_over()
        return self._is_waiting and not self._is_alone

    def _pause(self, seconds: float, tried: Sequence[Answer], *, is_busy: bool = False) -> str:
        """Let the target rest; what its provider did not look at stays as it was.

        But what was tried first after an earlier pause goes behind the rest, so that no single
        notification can keep the others from being tried.

        Args:
            seconds: For how long.
            tried: What was tried in vain.
            is_busy: Whether the provider answers, and wants no more.
        """
        if self.lane.target.paused_until is not None and not self.lane.has_answered:
            for answer in tried:
                if answer.batch is not None and isinstance(answer.outcome, Outcome):
                    answer.batch.put_last(answer.outcome.notification, at=answer.at)
        self._unreachable.clear()
        return pause(
            self.lane.target,
            seconds,
            reason=self._last_trouble,
            using=self._using,
            is_busy=is_busy,
        )


def _is_out_of_order(answer: Answer) -> bool:
    return isinstance(answer.outcome, Outcome) and answer.outcome.out_of_order


def _apply(answer: Answer) -> None:
    if answer.batch is not None and isinstance(answer.outcome, Outcome):
        answer.batch.take(answer.outcome, at=answer.at, since=answer.monotonic)
