"""Delivering again and again, for a process that stays: under systemd, Docker or Kubernetes."""

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, connections, router
from django.utils import timezone

from ...database import is_passing
from ...exceptions import TargetUnavailable
from ...migrations_missing import missing_migrations
from ...models import Notification, NotificationTarget
from ...observing.observers import tell
from ..claims.due import next_due_after
from ..handlers.find import find_handler
from .report import Report
from .run import Run
from .wakeup import Wakeup

logger = logging.getLogger("django_notification_system")

#: How long a target rests that cannot be used; twice as long each time, up to the second figure.
FIRST_REST_SECONDS = 5.0
LONGEST_REST_SECONDS = 300.0
#: How often a run that is at work looks for what has come due for the other targets.
LOOK_EVERY_SECONDS = 0.25
#: How often at most, where PostgreSQL tells of inserts all the time.
LEAST_SECONDS_BETWEEN = 0.02
#: How many times as long as a look took passes from its beginning to the next: looks take at most a
#: tenth of the time of the thread that also records.
LOOK_COST_FACTOR = 10


class Watch:
    """Runs whenever something is due; iterate over it to make it go, until ``stop()``.

    Args:
        target_names: Deliver only to targets of these names or module names; to all by default.
        using: The alias of the database that holds the notifications.
        interval: Look for what is due at least every so many seconds.
        on_problem: Called with what keeps a target from being used, once for each new text.
        on_begin: Called once with the targets, as soon as the database has told of them.
    """

    def __init__(
        self,
        *,
        target_names: Sequence[str] = (),
        using: str | None = None,
        interval: float,
        on_problem: Callable[[str], None],
        on_begin: Callable[[Sequence[NotificationTarget]], object] = lambda targets: None,
    ) -> None:
        self.using = using or router.db_for_write(Notification)
        self._target_names = target_names
        self._interval = interval
        self._on_problem = on_problem
        self._on_begin = on_begin
        self._has_begun = False
        self._said_of_migrations = ""
        self._stopping = False
        self._run: Run | None = None
        self._looked_at = 0.0
        #: Whether PostgreSQL has told of an insert since the last look.
        self._has_arrived = False
        self._wakeup = Wakeup(self.using)
        #: For each target that cannot be used: since when, until when it rests, and why.
        self._resting: dict[str, _Rest] = {}

    def stop(self) -> None:
        """Finish what is in flight and end. Safe in a signal handler."""
        self._stopping = True
        if self._run is not None:
            self._run.stop()
        self._wakeup.wake()

    @property
    def problems(self) -> dict[str, str]:
        """What keeps a target from being used at present, by the target's name."""
        return {name: rest.problem for name, rest in self._resting.items()}

    @property
    def paused(self) -> dict[str, str]:
        """What there is to say of targets that are paused at present, by the target's name."""
        return {} if self._run is None else self._run.paused

    def __iter__(self) -> Generator[Report | None]:
        """Deliver; yield what was recorded, and ``None`` whenever there is nothing more to do."""
        tell("watch_began")
        with closing(self._wakeup):
            while not self._stopping:
                seconds = FIRST_REST_SECONDS
                try:
                    self._wakeup.listen()
                    if not self._has_begun:
                        self._begin()
                    yield from self._deliver()
                    if self._run is not None:
                        seconds = self._seconds_until_next(self._run)
                    if self._wakeup.misses_inserts:
                        seconds = 0  # listen, and look once more
                except (DatabaseError, InterfaceError) as error:
                    self._wait_for_database(error)
                yield None
                if not self._stopping:
                    self._wakeup.sleep(min(seconds, self._interval))
            self._finish_left()

    def _wait_for_database(self, error: Exception) -> None:
        """Say that the database is away, or why it refuses; another connection may be luckier."""
        if is_passing(error, connections[self.using].vendor):
            logger.warning("The database is out of reach; waiting for it. (%s)", error)
        elif missing := missing_migrations(error, using=self.using):
            if missing != self._said_of_migrations:
                logger.error("%s", missing)
            self._said_of_migrations = missing
        else:
            logger.error("The database refuses; trying again.", exc_info=error)
        connections[self.using].close()

    def _finish_left(self) -> None:
        """At the end, record what was sent, if the database takes it by now."""
        try:
            if self._run is not None:
                self._run.finish_left()
        except (DatabaseError, InterfaceError) as error:
            self._wait_for_database(error)

    def _begin(self) -> None:
        """Import what delivers, and its clients, so that the first message need not wait."""
        targets = Run(target_names=self._target_names, using=self.using).targets
        self._has_begun = True
        self._on_begin(targets)
        for target in targets:
            with suppress(TargetUnavailable):  # it is said when something is due
                find_handler(target)

    def _deliver(self) -> Iterator[Report]:
        if self._run is not None:
            self._run.finish_left()
        self._looked_at = time.monotonic()
        run = self._run = Run(
            target_names=self._target_names,
            using=self.using,
            is_more_due=self._is_more_due,
            may_use=lambda target: not self._is_resting(target),
            on_through=self._note,
        )
        if self._stopping:
            return
        with closing(iter(run)) as attempts:
            yield from attempts
        for target in run.targets:
            if target.name not in run.problems and not self._is_resting(target):
                self._resting.pop(target.name, None)

    def _note(self, target: NotificationTarget, problem: str | None) -> None:
        """Let a target rest that cannot be used; at once, as the run may go on for long."""
        if problem is None:
            self._resting.pop(target.name, None)
        else:
            self._rest(target, problem)

    def _is_resting(self, target: NotificationTarget) -> bool:
        rest = self._resting.get(target.name)
        return rest is not None and time.monotonic() < rest.until

    def _rest(self, target: NotificationTarget, problem: str) -> None:
        before = self._resting.get(target.name)
        seconds = FIRST_REST_SECONDS if before is None else before.seconds * 2
        self._resting[target.name] = _Rest(min(seconds, LONGEST_REST_SECONDS), problem)
        if before is None or before.problem != problem:
            self._on_problem(problem)

    def _is_more_due(self) -> bool:
        """Tell a run that is at work when to look for what has come due for other targets."""
        now = time.monotonic()
        passed = now - self._looked_at
        cost = 0.0 if self._run is None else self._run.look_seconds
        if passed < max(LEAST_SECONDS_BETWEEN, cost * LOOK_COST_FACTOR):
            return False
        self._has_arrived |= self._wakeup.has_arrived()
        if not self._has_arrived and passed < min(self._interval, LOOK_EVERY_SECONDS):
            return False
        self._looked_at = now
        self._has_arrived = False
        return True

    def _seconds_until_next(self, run: Run) -> float:
        """Return the time until the next notification is due, at the most the interval."""
        now = timezone.now()
        soon = now + timedelta(seconds=self._interval)
        targets = [target for target in run.targets if not self._is_resting(target)]
        moment = next_due_after(now, soon, targets, using=self.using)
        return self._interval if moment is None else (moment - now).total_seconds()


class _Rest:
    """How long a target that cannot be used is left alone."""

    def __init__(self, seconds: float, problem: str) -> None:
        self.seconds = seconds
        self.problem = problem
        self.until = time.monotonic() + seconds
