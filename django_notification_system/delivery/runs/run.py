"""A run: claim due notifications, deliver, apply, record and report them, batch by batch."""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from functools import partial
from queue import Empty, SimpleQueue

from django.db import InterfaceError, InternalError, OperationalError, connections, router
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...conf import engine_settings
from ...database import refuses_value
from ...models import Notification, NotificationTarget
from ...stop_moment import WIND_UP_SECONDS
from ..claims.pause import explained, is_paused
from ..claims.targets import targets_named
from .context import RunContext
from .lane import Lane
from .messages import Arrived, Doubted, Event, Finished, RowsWanted
from .report import Report
from .sources import DueSource, Source
from .target_run import TargetRun
from .unrecorded import RECORD_AFTER_SECONDS

#: After a longer wait, in seconds, the process itself was stopped meanwhile.
SLEPT_SECONDS = 1.0
HANDLER_HANGS = gettext_noop(
    "The handler of target %(target)r made no progress for %(seconds)s seconds. It is"
    " left behind; give its calls a timeout."
)


class Run:
    """Delivers the notifications due when the run is made; iterate over the run to deliver.

    Args:
        target_names: Deliver only to targets of these names or module names; to all by default.
        limit: How many notifications to attempt, at the most: the first in order of all targets.
        using: The alias of the database that holds the notifications.
        due_by: Deliver notifications due at this moment; by default now.
        source: Deliver this source's claims; all other arguments except ``using`` are then ignored.

    Attributes:
        using: The alias of the database that holds the notifications.
        source: Claims the rows.
        problems: By the target's name, why the target could not be used.
        paused: By the target's name, the sentence about its pause.

    Raises:
        NotificationSystemError: When a target name is unknown.
    """

    def __init__(
        self,
        *,
        target_names: Sequence[str] = (),
        limit: int | None = None,
        using: str | None = None,
        due_by: datetime | None = None,
        source: Source | None = None,
    ) -> None:
        self.using = using or router.db_for_write(Notification)
        self.source: Source = source or DueSource(
            targets_named(target_names, using=self.using),
            using=self.using,
            is_stopping=self._is_stopping,
            due_by=due_by,
            limit=limit,
        )
        self.problems: dict[str, str] = {}
        self.paused: dict[str, str] = {}
        #: Reports for the iterating code. Written and read by the run's thread.
        self._reports: deque[Report] = deque()
        self._context = RunContext(
            using=self.using,
            settings=engine_settings(),
            report=self._reports.append,
            is_stopping=self._is_stopping,
        )
        #: When the wait for messages in flight ends, by the monotonic clock; ``None`` before
        #: ``stop()``. Written by ``stop()`` in any thread or a signal handler; read by all threads
        #: of the run.
        self._stop_by: float | None = None
        self._is_winding_up = False
        self._target_runs: dict[Lane, TargetRun] = {}
        self._threads: list[threading.Thread] = []
        #: The lanes' threads put; the run's thread gets.
        self._events: SimpleQueue[Event] = SimpleQueue()

    @property
    def targets(self) -> Sequence[NotificationTarget]:
        """The run's targets, with due rows or without."""
        return self.source.every_target

    @property
    def due_by(self) -> datetime:
        """The run delivers notifications due at this moment."""
        return self.source.due_by

    def stop(self) -> None:
        """Finish messages in flight, record them, release the rest. Safe in a signal handler.

        A notification still in flight after ``WIND_UP_SECONDS`` has an unknown outcome.
        """
        if self._stop_by is None:
            self._stop_by = time.monotonic() + WIND_UP_SECONDS

    def __iter__(self) -> Generator[Report]:
        """Deliver, and yield a report for every recorded notification."""
        try:
            if connections[self.using].in_atomic_block:
                # Other threads do not see rows written in this transaction, such as a test's.
                yield from self._one_after_another()
            else:
                yield from self._side_by_side()
        finally:
            self._wind_up()

    def finish_left(self) -> None:
        """Record and release rows that the database did not let the run finish; after the run.

        So notifications sent in spite of an outage are not sent again, and other rows need not wait
        for the end of their lease.

        Raises:
            DatabaseError: When the database still refuses. Call the function again later.
            InterfaceError: Likewise.
            Exception: When the database refuses a value for good: the rows are left to their lease.
        """
        for lane, target_run in list(self._target_runs.items()):
            try:
                self._end(target_run)
            except Exception as error:
                if refuses_value(error, connections[self.using].vendor):
                    self._target_runs.pop(lane, None)
                raise

    def _one_after_another(self) -> Iterator[Report]:
        targets = self._usable_targets()
        while targets:
            for target in targets:
                failures: list[Exception] = []
                post = partial(self._handle_at_once, failures)
                self._open_lane(target, post, is_alone=True).run()
                if failures:
                    raise failures[0]
                yield from self._take_reports()
            targets = [] if self._is_stopping() else self._usable_targets()

    def _side_by_side(self) -> Iterator[Report]:
        self._start_lanes()
        while self._target_runs and not self._is_time_up():
            event = self._next_event()
            if event is not None:
                self._handle(event)
            for target_run in list(self._target_runs.values()):
                target_run.keep_time()
                # Unless the run itself is late: the lane may wait for one of these events.
                if target_run.is_stalled and self._events.empty():
                    self._abandon(target_run)
            if not self._is_stopping():
                self._start_lanes()
            yield from self._take_reports()
        for target_run in list(self._target_runs.values()):
            self._end(target_run)
            yield from self._take_reports()

    def _start_lanes(self) -> None:
        """Open a lane for every target with due rows and without a lane."""
        for target in self._usable_targets():
            lane = self._open_lane(target, self._events.put, is_alone=False)
            # A daemon: a handler that hangs for ever must not keep the process from ending.
            thread = threading.Thread(target=lane.run_in_thread, name=target.name, daemon=True)
            self._threads = [each for each in self._threads if each.is_alive()]
            thread.start()
            self._threads.append(thread)

    def _open_lane(
        self, target: NotificationTarget, post: Callable[[Event], None], *, is_alone: bool
    ) -> Lane:
        lane = Lane(target, self._context, post, is_alone=is_alone)
        self._target_runs[lane] = TargetRun(
            lane,
            self._context,
            self.source,
            is_alone=is_alone,
            may_go_alone=self._may_go_alone,
        )
        return lane

    def _usable_targets(self) -> Sequence[NotificationTarget]:
        """Return the targets with due rows that are not paused, and note the paused targets."""
        usable = []
        for target in self.source.targets({lane.target.pk for lane in self._target_runs}):
            if is_paused(target):
                self.paused[target.name] = explained(target)
            else:
                self.paused.pop(target.name, None)
                usable.append(target)
        return usable

    def _may_go_alone(self, target_run: TargetRun) -> bool:
        """Return whether a target's interrupted rows may be sent now.

        A death counts against all rows on their way. So no other target has rows on their way,
        unless the interrupted rows have waited for long; and never other interrupted rows.
        """
        others = [other for other in self._target_runs.values() if other is not target_run]
        if any(other.sends_interrupted for other in others):
            return False
        return target_run.has_waited_long or not any(other.is_busy for other in others)

    def _next_event(self) -> Event | None:
        began = time.monotonic()
        try:
            return self._events.get(timeout=RECORD_AFTER_SECONDS)
        except Empty:
            return None
        finally:
            if time.monotonic() - began > SLEPT_SECONDS:
                for lane in self._target_runs:
                    lane.shared.note_progress()  # the lane's handler slept, too, and does not hang

    def _handle(self, event: Event) -> None:
        target_run = self._target_runs.get(event.lane)
        if target_run is None:  # abandoned; the lane's handler has come back to life
            event.lane.shared.inbox.put(None)
            return
        match event:
            case RowsWanted():
                target_run.feed()
            case Arrived():
                target_run.take_answers()
            case Doubted(_, rows):
                target_run.recheck(rows)
            case Finished(_, problem):
                target_run.finish(problem)
                self._close(target_run)

    def _handle_at_once(self, failures: list[Exception], event: Event) -> None:
        """Handle an event in the lane's own stack, where an engine's error is not the handler's."""
        try:
            if not failures:
                self._handle(event)
                return
        except Exception as error:
            failures.append(error)
            self.stop()
        event.lane.shared.inbox.put(None)

    def _abandon(self, target_run: TargetRun) -> None:
        seconds = self._context.settings.lease_seconds
        values = {"target": target_run.lane.target.name, "seconds": seconds}
        target_run.abandon(HANDLER_HANGS % values, problem=_(HANDLER_HANGS) % values)
        self._close(target_run)

    def _end(self, target_run: TargetRun) -> None:
        target_run.abandon("The run was ended while the message was on its way.")
        self._close(target_run)

    def _close(self, target_run: TargetRun) -> None:
        del self._target_runs[target_run.lane]
        target, problem = target_run.lane.target, target_run.problem
        if problem is None:
            self.problems.pop(target.name, None)
        else:
            self.problems[target.name] = problem
        if not self._is_winding_up:  # a run ended early says nothing about its targets
            self.source.note_end(target, problem)

    def _wind_up(self) -> None:
        """End early, because the caller wants no more: leave no row claimed or unrecorded.

        Raises:
            Exception: The first error on the way. Where the database is out of reach for longer
                than a run waits, the remaining rows are left to ``finish_left()``, or to their
                lease.
        """
        self.stop()
        self._is_winding_up = True
        for lane in self._target_runs:
            # Put first: whatever fails later, no thread shall wait for ever with its connections.
            lane.shared.inbox.put(None)
        errors: list[Exception] = []
        while self._is_anything_in_flight() and not self._is_time_up():
            if (event := self._next_event()) is not None:
                _try(partial(self._handle, event), errors)
        for target_run in list(self._target_runs.values()):
            _try(partial(self._end, target_run), errors)
            target_run.end_batches()
        if errors:
            raise errors[0]

    def _is_stopping(self) -> bool:
        return self._stop_by is not None

    def _is_time_up(self) -> bool:
        return self._stop_by is not None and time.monotonic() > self._stop_by

    def _is_anything_in_flight(self) -> bool:
        return bool(self._target_runs) and any(thread.is_alive() for thread in self._threads)

    def _take_reports(self) -> Iterator[Report]:
        while self._reports:
            yield self._reports.popleft()


def _try(step: Callable[[], None], errors: list[Exception]) -> None:
    """Take a step in spite of earlier errors, unless the database is out of reach."""
    if any(
        isinstance(error, (OperationalError, InterfaceError, InternalError)) for error in errors
    ):
        return
    try:
        step()
    except Exception as error:
        errors.append(error)
