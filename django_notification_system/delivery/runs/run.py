"""One run: what is due is claimed, delivered, settled, recorded and reported, batch by batch."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import timedelta
from functools import partial
from heapq import nsmallest
from queue import Empty, SimpleQueue
from typing import Any

from django.db import InterfaceError, InternalError, OperationalError, connections, router
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...conf import engine_settings, target_settings
from ...database import refuses_value
from ...exceptions import TargetUnavailable
from ...models import Notification, NotificationTarget
from ...stop_moment import WIND_UP_SECONDS
from ..claims.claim import Claim, claim_batch
from ..claims.due import adopt, targets_with_due
from ..claims.large_texts import iterate
from ..claims.levels import Levels
from ..claims.order import Shares, rank_in_database
from ..claims.pause import explained, is_paused
from ..claims.targets import targets_named
from ..handlers.find import find_handler
from ..outcomes.skip import skip
from .in_flight import RECORD_AFTER_SECONDS
from .lane import Arrived, Doubted, Event, Finished, Lane, Wanted
from .report import Report
from .sources import GivenClaim
from .target_run import Take, TargetRun

logger = logging.getLogger("django_notification_system")

#: What fails is not tried again sooner by a lane that goes on: the shortest interval that there is.
RETRY_AFTER = timedelta(minutes=1)
#: A wait that takes so long is none: the process was stopped meanwhile.
SLEPT_SECONDS = 1.0
HANDLER_HANGS = gettext_noop(
    "The handler of target %(target)r made no progress for %(seconds)s seconds. It is"
    " left behind; give its calls a timeout."
)


class Run:
    """Delivers what is due at the moment it is made; iterate over it to make it go.

    Args:
        target_names: Deliver only to targets of these names or module names; to all by default.
        limit: Attempt at most so many notifications, those that go first of all targets.
        using: The alias of the database that holds the notifications.
        is_more_due: Asked again and again while the run is at work; where it says so, the run also
            delivers what has come due since. By default it delivers what was due when it was made.
        may_use: Tells whether to deliver to a target now. By default what has once kept a target
            from being used ends it for this run.
        on_through: Called when a target is through with what was due, and with what kept it from
            being used, if anything did.
        given: Deliver what this claim holds, and nothing else.

    Raises:
        NotificationSystemError: When a target name is unknown.
    """

    def __init__(
        self,
        *,
        target_names: Sequence[str] = (),
        limit: int | None = None,
        using: str | None = None,
        is_more_due: Callable[[], bool] | None = None,
        may_use: Callable[[NotificationTarget], bool] | None = None,
        on_through: Callable[[NotificationTarget, str | None], None] | None = None,
        given: GivenClaim | None = None,
    ) -> None:
        self.using = using or router.db_for_write(Notification)
        self.due_at = timezone.now()
        self.targets = (
            targets_named(target_names, using=self.using) if given is None else [given.target]
        )
        self._given = given
        #: What kept a target from being used, by the target's name.
        self.problems: dict[str, str] = {}
        #: What there is to say of targets that are paused, by the target's name.
        self.paused: dict[str, str] = {}
        self._settings = engine_settings()
        #: How many may still be attempted, by the target's key; ``None``: as many as are due.
        self._allowed = None if limit is None else self._oldest(limit)
        self._stopping = False
        #: Until when what is in flight is waited for, by the monotonic clock, once told to stop.
        self._stop_by: float | None = None
        #: Whether notifications were found that belong to another target than was thought.
        self._sent_home = False
        self._is_more_due = is_more_due
        #: How long the last look for targets with something due has taken.
        self.look_seconds = 0.0
        self._may_use = may_use or self._has_no_problem
        self._on_through = on_through
        self._target_runs: dict[Lane, TargetRun] = {}
        #: What was done, for whoever iterates.
        self._reports: deque[Report] = deque()
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def stop(self) -> None:
        """Finish what is in flight, record it, release the rest. Safe in a signal handler.

        What is still in flight after ``WIND_UP_SECONDS`` has an unknown outcome.
        """
        self._stopping = True
        if self._stop_by is None:
            self._stop_by = time.monotonic() + WIND_UP_SECONDS

    def __iter__(self) -> Generator[Report]:
        """Deliver, and yield what was recorded."""
        if connections[self.using].in_atomic_block:
            # What this transaction wrote, a test's rows say, no other thread can see.
            deliver = self._one_after_another
        else:
            deliver = self._side_by_side
        try:
            yield from deliver()
            while self._sent_home and not self._stopping:
                # To targets that may have been through with theirs.
                self._sent_home = False
                yield from deliver()
        finally:
            self._wind_up()

    def finish_left(self) -> None:
        """Record and give back what the database did not let the run finish, now that it is over.

        So what was sent in spite of an outage is not sent again, and the rest need not wait for
        the end of its lease.

        Raises:
            DatabaseError: When the database still does not take it. It may be called again.
            InterfaceError: Likewise.
            Exception: When it refuses a value for good: the rows are left to their lease.
        """
        for lane, target_run in list(self._target_runs.items()):
            try:
                self._end(target_run)
            except Exception as error:
                if refuses_value(error, connections[self.using].vendor):
                    self._target_runs.pop(lane, None)
                raise

    def preview(self) -> Generator[Report]:
        """Yield what a run would attempt now, and touch nothing."""
        for target in self.targets:
            due = (
                Notification.objects.using(self.using)
                .due(self.due_at)
                .unclaimed()
                .filter(target_user_record__target=target)
                .for_delivery()
                .order_by(rank_in_database())
            )
            verdict = None
            for notification in iterate(due[: self._allowance(target)], chunk_size=500):
                verdict = verdict or self._verdict(target)
                before = notification.status
                response = skip(notification) or verdict
                notification.status = before
                yield Report(
                    notification, target, notification.scheduled_delivery, before, response
                )

    def _one_after_another(self) -> Iterator[Report]:
        for target in self._targets_with_due():
            failures: list[Exception] = []
            lane = self._open_lane(target, partial(self._handle_at_once, failures), is_alone=True)
            lane.run()
            if failures:
                raise failures[0]
            yield from self._take_reports()

    def _side_by_side(self) -> Iterator[Report]:
        self._start_lanes()
        while self._target_runs and not self._is_time_up():
            event = self._next_event()
            if event is not None:
                self._handle(event)
            for target_run in list(self._target_runs.values()):
                target_run.keep_time()
                # Unless it is the run that is late: what a lane waits for may be among these.
                if target_run.stalled and self._events.empty():
                    self._give_up(target_run)
            if self._is_more_due is not None and not self._stopping and self._is_more_due():
                self.due_at = timezone.now()
                self._start_lanes()
            yield from self._take_reports()
        for target_run in list(self._target_runs.values()):
            self._end(target_run)
            yield from self._take_reports()

    def _start_lanes(self) -> None:
        """Open a lane for each target for which something is due, and that has none."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        for target in self._targets_with_due():
            lane = self._open_lane(target, self._events.put, is_alone=False)
            # A daemon: a handler that hangs for ever must not keep the process from ending.
            thread = threading.Thread(target=lane.run_in_thread, name=target.name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _open_lane(
        self, target: NotificationTarget, post: Callable[[Event], None], *, is_alone: bool
    ) -> Lane:
        lane = Lane(
            target,
            post,
            self._is_stopping,
            most_unrecorded=self._settings.record_every,
            cut_off_after=self._settings.pause_after,
            seconds_each=target_settings(target.notification_module_name).seconds_each,
            asks_ahead=not is_alone,
            single_writer=self._single_writer() if not is_alone else None,
        )
        self._target_runs[lane] = TargetRun(
            lane,
            take=self._source_of_claims(target),
            due_at=self.due_at,
            allowance=self._allowance(target),
            settings=self._settings,
            using=self.using,
            is_alone=is_alone,
            is_stopping=self._is_stopping,
            report=self._reports.append,
            may_go_alone=self._may_go_alone,
        )
        return lane

    def _single_writer(self) -> str | None:
        return self.using if connections[self.using].vendor == "sqlite" else None

    def _may_go_alone(self, target_run: TargetRun) -> bool:
        """Tell whether a target's rows that were interrupted may be sent now.

        A death counts against all that is on its way. So no other target's rows are, unless these
        have waited for long; and never others that were interrupted.
        """
        others = [other for other in self._target_runs.values() if other is not target_run]
        if any(other.is_alone for other in others):
            return False
        return target_run.has_waited_long or not any(other.is_busy for other in others)

    def _source_of_claims(self, target: NotificationTarget) -> Take:
        if self._given is not None:
            return self._given.take
        begun_at = self.due_at
        levels = Levels(target, using=self.using)
        # A watch's due_at moves on: what has come due since may have to go before the rest.

        def take(size: int, *, interrupted: bool) -> Claim:
            return claim_batch(
                target,
                due_at=self.due_at,
                retries_due_at=max(begun_at, self.due_at - RETRY_AFTER),
                size=size,
                lease_seconds=self._settings.lease_seconds,
                levels=levels,
                using=self.using,
                interrupted=interrupted,
            )

        return take

    def _next_event(self) -> Event | None:
        began = time.monotonic()
        try:
            return self._events.get(timeout=RECORD_AFTER_SECONDS)
        except Empty:
            return None
        finally:
            now = time.monotonic()
            if now - began > SLEPT_SECONDS:  # so did the handlers, and none of them hangs for that
                for lane in self._target_runs:
                    lane.progress_at = now

    def _handle(self, event: Event) -> None:
        target_run = self._target_runs.get(event.lane)
        if target_run is None:  # given up; its handler has come back to life
            event.lane.inbox.put(None)
            return
        match event:
            case Wanted():
                target_run.hand_over()
            case Arrived():
                target_run.take_answers()
            case Doubted(_, rows):
                target_run.look_again(rows)
            case Finished(_, problem):
                target_run.finish(problem)
                self._close(target_run)

    def _handle_at_once(self, failures: list[Exception], event: Event) -> None:
        """Handle an event in the lane's own stack, where an error of ours is not the handler's."""
        try:
            if not failures:
                self._handle(event)
                return
        except Exception as error:
            failures.append(error)
            self._stopping = True
        event.lane.inbox.put(None)

    def _give_up(self, target_run: TargetRun) -> None:
        values = {"target": target_run.lane.target.name, "seconds": self._settings.lease_seconds}
        target_run.give_up(HANDLER_HANGS % values, problem=_(HANDLER_HANGS) % values)
        self._close(target_run)

    def _close(self, target_run: TargetRun) -> None:
        del self._target_runs[target_run.lane]
        self._sent_home |= target_run.sent_home
        if self._allowed is not None and target_run.allowance is not None:
            self._allowed[target_run.lane.target.pk] = target_run.allowance
        target = target_run.lane.target
        if target_run.problem is None:
            self.problems.pop(target.name, None)
        else:
            self.problems[target.name] = target_run.problem
        if self._on_through is not None:
            self._on_through(target, target_run.problem)

    def _wind_up(self) -> None:
        """End early, because the caller wants no more: leave nothing claimed or unrecorded.

        Raises:
            Exception: What first kept it from that. Where the database is out of reach for longer
                than a run waits, what is left is left to ``finish_left()``, or to the lease.
        """
        self.stop()
        self._on_through = None  # that it is ended says nothing of the targets
        for target_run in self._target_runs.values():
            # Whatever becomes of the rest: no thread is to wait for ever, with its connections.
            target_run.lane.inbox.put(None)
        errors: list[Exception] = []
        while self._in_flight() and not self._is_time_up():
            if (event := self._next_event()) is not None:
                _try(partial(self._handle, event), errors)
        for target_run in list(self._target_runs.values()):
            _try(partial(self._end, target_run), errors)
            target_run.end_batches()
        if errors:
            raise errors[0]

    def _end(self, target_run: TargetRun) -> None:
        target_run.give_up("The run was ended while the message was on its way.")
        self._close(target_run)

    def _is_time_up(self) -> bool:
        return self._stop_by is not None and time.monotonic() > self._stop_by

    def _in_flight(self) -> bool:
        return bool(self._target_runs) and any(thread.is_alive() for thread in self._threads)

    def _targets_with_due(self) -> list[NotificationTarget]:
        """Return those that something is due for, and nothing keeps from being used."""
        began = time.monotonic()
        busy = {lane.target.pk for lane in self._target_runs}
        targets = [target for target in self.targets if target.pk not in busy]
        usable = [target for target in targets if self._may_use(target)]
        if self._given is not None:
            due = [] if self._given.is_taken else usable
        else:
            due = targets_with_due(
                usable, self.due_at, using=self.using, is_stopping=self._is_stopping
            )
        for target in due:
            if is_paused(target):
                self.paused[target.name] = explained(target)
            else:
                self.paused.pop(target.name, None)
        self.look_seconds = time.monotonic() - began
        return [target for target in due if not is_paused(target)]

    def _has_no_problem(self, target: NotificationTarget) -> bool:
        return target.name not in self.problems

    def _is_stopping(self) -> bool:
        return self._stopping

    def _oldest(self, limit: int) -> Counter[Any]:
        """Count by target the notifications that are due first, so that none waits for another."""
        adopt(self.due_at, using=self.using)
        due = [
            (rank, target.pk)
            for target in self.targets
            for rank in Shares(
                target, self.due_at, limit, Levels(target, using=self.using), using=self.using
            ).ranks
        ]
        return Counter(key for _, key in nsmallest(limit, due))

    def _allowance(self, target: NotificationTarget) -> int | None:
        return None if self._allowed is None else self._allowed[target.pk]

    def _take_reports(self) -> Iterator[Report]:
        while self._reports:
            yield self._reports.popleft()

    def _verdict(self, target: NotificationTarget) -> str:
        if is_paused(target):
            return explained(target)
        try:
            return f"Would be sent by {find_handler(target).source}."
        except TargetUnavailable as unavailable:
            self.problems[target.name] = str(unavailable)
            return str(unavailable)


def _try(step: Callable[[], None], errors: list[Exception]) -> None:
    """Take a step in spite of earlier errors, but for a database that is out of reach."""
    if any(
        isinstance(error, (OperationalError, InterfaceError, InternalError)) for error in errors
    ):
        return
    try:
        step()
    except Exception as error:
        errors.append(error)
