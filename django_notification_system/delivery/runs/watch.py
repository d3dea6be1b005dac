"""Deliver again and again, for a process that stays: under systemd, Docker or Kubernetes."""

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
from ..claims.targets import targets_named
from ..handlers.find import find_handler
from .report import Report
from .rests import Rests
from .run import Run
from .sources import WatchSource
from .wakeup import Wakeup

logger = logging.getLogger("django_notification_system")

#: Seconds before a watch tries a database out of reach again.
DATABASE_RETRY_SECONDS = 5.0
#: Seconds between a busy run's searches for targets with new due rows.
SECONDS_BETWEEN_SEARCHES = 0.25
#: Likewise at least, where PostgreSQL announces inserts all the time.
LEAST_SECONDS_BETWEEN_SEARCHES = 0.02
#: The time from a search to the next, in lengths of a search: searches take at most a tenth of the
#: time of the thread, which also records.
SEARCH_COST_FACTOR = 10


class Watch:
    """Runs whenever notifications are due; iterate over the watch to deliver, until ``stop()``.

    Args:
        target_names: Deliver only to targets of these names or module names; to all by default.
        using: The alias of the database that holds the notifications.
        interval: The longest time between two searches for due rows, in seconds.
        on_problem: Called with the reason why a target cannot be used, once for every new text.
        on_begin: Called once with the targets, when the database can be reached.
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
        self._on_begin = on_begin
        self._has_begun = False
        self._said_of_migrations = ""
        self._stopping = False
        self._run: Run | None = None
        self._wakeup = Wakeup(self.using)
        self._rests = Rests(on_problem)
        self._searches = Searches(self._wakeup, interval)

    def stop(self) -> None:
        """Finish messages in flight and end. Safe in a signal handler."""
        self._stopping = True
        if self._run is not None:
            self._run.stop()
        self._wakeup.wake()

    @property
    def problems(self) -> dict[str, str]:
        """By the target's name, why the target cannot be used at present."""
        return self._rests.problems

    @property
    def paused(self) -> dict[str, str]:
        """By the target's name, the sentence about its present pause."""
        return {} if self._run is None else self._run.paused

    def __iter__(self) -> Generator[Report | None]:
        """Deliver; yield reports, and ``None`` whenever no more work is left."""
        tell("watch_began")
        with closing(self._wakeup):
            while not self._stopping:
                seconds = DATABASE_RETRY_SECONDS
                try:
                    self._wakeup.listen()
                    if not self._has_begun:
                        self._begin()
                    yield from self._deliver()
                    if self._run is not None:
                        seconds = self._seconds_until_next(self._run)
                    if self._wakeup.misses_inserts:
                        seconds = 0  # listen, and search once more
                except (DatabaseError, InterfaceError) as error:
                    self._wait_for_database(error)
                yield None
                if not self._stopping:
                    self._wakeup.sleep(min(seconds, self._interval))
            self._finish_left()

    def _wait_for_database(self, error: Exception) -> None:
        """Log that the database is away, or why it refuses; another connection may be luckier."""
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
        """At the end, record sent notifications, if the database takes them by now."""
        try:
            if self._run is not None:
                self._run.finish_left()
        except (DatabaseError, InterfaceError) as error:
            self._wait_for_database(error)

    def _begin(self) -> None:
        """Import the handlers and their clients, so that the first message need not wait."""
        targets = targets_named(self._target_names, using=self.using)
        self._has_begun = True
        self._on_begin(targets)
        for target in targets:
            with suppress(TargetUnavailable):  # reported when the target has due rows
                find_handler(target)

    def _deliver(self) -> Iterator[Report]:
        if self._run is not None:
            self._run.finish_left()
        self._searches.begin()
        source = WatchSource(
            targets_named(self._target_names, using=self.using),
            using=self.using,
            is_stopping=lambda: self._stopping,
            is_more_due=lambda: self._searches.is_time(source.search_seconds),
            rests=self._rests,
        )
        run = self._run = Run(using=self.using, source=source)
        if self._stopping:
            return
        with closing(iter(run)) as attempts:
            yield from attempts
        for target in run.targets:
            if target.name not in run.problems and not self._rests.is_resting(target):
                self._rests.note(target, None)

    def _seconds_until_next(self, run: Run) -> float:
        """Return the seconds until the next notification is due, at most the interval."""
        now = timezone.now()
        soon = now + timedelta(seconds=self._interval)
        targets = [target for target in run.targets if not self._rests.is_resting(target)]
        moment = next_due_after(now, soon, targets, using=self.using)
        return self._interval if moment is None else (moment - now).total_seconds()


class Searches:
    """The times of a busy run's searches for targets with new due rows.

    Args:
        wakeup: Hears PostgreSQL's announcements of inserts.
        interval: The longest time between two searches, in seconds.
    """

    def __init__(self, wakeup: Wakeup, interval: float) -> None:
        self._wakeup = wakeup
        self._seconds_between = min(interval, SECONDS_BETWEEN_SEARCHES)
        self._began_at = 0.0
        #: Whether PostgreSQL has announced an insert since the last search.
        self._has_arrived = False

    def begin(self) -> None:
        """Note the beginning of a search."""
        self._began_at = time.monotonic()

    def is_time(self, seconds: float) -> bool:
        """Return whether to search now, and note the beginning of the search.

        Args:
            seconds: How long the last search took.
        """
        passed = time.monotonic() - self._began_at
        if passed < max(LEAST_SECONDS_BETWEEN_SEARCHES, seconds * SEARCH_COST_FACTOR):
            return False
        self._has_arrived |= self._wakeup.has_arrived()
        if not self._has_arrived and passed < self._seconds_between:
            return False
        self.begin()
        self._has_arrived = False
        return True
