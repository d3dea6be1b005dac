"""A call of a handler, in a thread like a run's lane, and the traces of the call."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..delivery.handlers.on_its_way import begin_nothing_more_when
from ..exceptions import TargetUnavailable
from ..models import Notification
from ..outcome import Outcome

Deliver = Callable[[Iterable[Notification]], Iterator[Outcome]]

#: Seconds between two rechecks of threads and sockets that shall end.
RECHECK_SECONDS = 0.01
#: The logger whose debug messages projects read; of other loggers, messages from INFO on count.
OWN_LOGGER = "django_notification_system"
#: The attributes of every log record; other attributes come from the caller's ``extra``.
PLAIN_RECORD = frozenset(logging.makeLogRecord({}).__dict__)


class Trial:
    """A call of a handler.

    Args:
        notifications: The notifications for the handler.
        close_after: Close the handler's generator after so many outcomes; by default never.
        stop_after: Ask for a stop after so many outcomes; by default never.
        before_second: Called before the handler gets its second notification.

    Attributes:
        notifications: The notifications for the handler.
        taken: The notifications that the handler took, in order.
        outcomes: The objects that the handler yielded, in order.
        early: Outcomes of notifications not taken by then.
        unavailable: The handler's ``TargetUnavailable``, or ``None``.
        error: The handler's other error, or ``None``.
        logged: The log of the handler's threads.
        has_ended: Whether the call came to its end.
        seconds: How long the call took.
        is_stop_asked: Whether a stop was asked for.
    """

    def __init__(
        self,
        notifications: Sequence[Notification],
        *,
        close_after: int | None = None,
        stop_after: int | None = None,
        before_second: Callable[[], object] | None = None,
    ) -> None:
        self.notifications = notifications
        self.taken: list[Notification] = []
        self.outcomes: list[Any] = []
        self.early: list[Any] = []
        self.unavailable: TargetUnavailable | None = None
        self.error: BaseException | None = None
        self.logged: list[str] = []
        self.has_ended = False
        self.seconds = 0.0
        self.is_stop_asked = False
        self._close_after = close_after
        self._stop_after = stop_after
        self._before_second = before_second
        self._older_threads = frozenset(threading.enumerate())

    def run(self, deliver: Deliver, *, seconds: float) -> None:
        """Call the handler, and wait for the end.

        Args:
            deliver: The handler's function.
            seconds: The longest wait.
        """
        lane = threading.Thread(target=self._run, args=(deliver,), daemon=True)
        start = time.monotonic()
        with self._keeping_log():
            lane.start()
            lane.join(seconds)
        self.seconds = time.monotonic() - start
        self.has_ended = not lane.is_alive()

    def left_threads(self, *, others: frozenset[threading.Thread], seconds: float) -> list[str]:
        """Return the names of the threads left by the call.

        Args:
            others: Threads that are not the handler's.
            seconds: The longest wait for the threads to end.
        """

        def left() -> list[str]:
            new = set(threading.enumerate()) - self._older_threads - others
            return sorted(thread.name for thread in new)

        wait_until(lambda: not left(), seconds=seconds)
        return left()

    def _run(self, deliver: Deliver) -> None:
        try:
            with begin_nothing_more_when(lambda: self.is_stop_asked):
                self._read(iter(deliver(self._feed())))
        except TargetUnavailable as error:
            self.unavailable = error
        except BaseException as error:  # a handler's errors of every class are the trial's subject
            self.error = error
        finally:
            connections.close_all()

    def _read(self, outcomes: Iterator[Outcome]) -> None:
        for outcome in outcomes:
            notification = getattr(outcome, "notification", None)
            taken = {one.pk for one in self.taken}
            if notification is not None and notification.pk not in taken:
                self.early.append(outcome)
            self.outcomes.append(outcome)
            if len(self.outcomes) == self._stop_after:
                self.is_stop_asked = True
            if len(self.outcomes) == self._close_after:
                close = getattr(outcomes, "close", lambda: None)
                close()
                return

    def _feed(self) -> Iterator[Notification]:
        for notification in self.notifications:
            if self.is_stop_asked:
                return
            if len(self.taken) == 1 and self._before_second is not None:
                self._before_second()
            self.taken.append(notification)
            yield notification

    @contextmanager
    def _keeping_log(self) -> Iterator[None]:
        keeper = _Keeper(self.logged, older={thread.ident for thread in self._older_threads})
        root, own = logging.getLogger(), logging.getLogger(OWN_LOGGER)
        levels = root.level, own.level
        root.setLevel(min(root.level, logging.INFO))
        own.setLevel(logging.DEBUG)
        for logger in (root, own):
            logger.addHandler(keeper)
        try:
            yield
        finally:
            for logger in (root, own):
                logger.removeHandler(keeper)
            root.setLevel(levels[0])
            own.setLevel(levels[1])


class _Keeper(logging.Handler):
    """Keeps the log of new threads, with ``extra`` and traceback."""

    def __init__(self, logged: list[str], *, older: set[int | None]) -> None:
        super().__init__()
        self._logged = logged
        self._older = older
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread in self._older:
            return  # the stand-in's, or the test's own
        extra = {name: value for name, value in vars(record).items() if name not in PLAIN_RECORD}
        self._logged.append(f"{self.format(record)} {extra or ''}".rstrip())


class DatabaseQueried(Exception):
    """A handler has used the database."""


@contextmanager
def no_database() -> Iterator[list[str]]:
    """Refuse every use of a database, in all threads; yield a list of the uses."""
    uses: list[str] = []

    def refuse(wrapper: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> None:
        uses.append(f"database {wrapper.alias!r} in thread {threading.current_thread().name}")
        raise DatabaseQueried(
            "A handler leaves the database alone: read what is needed from the notification."
        )

    # Django calls this method before every query, on every connection and in every thread.
    with mock.patch.object(BaseDatabaseWrapper, "ensure_connection", refuse):
        yield uses


def wait_until(holds: Callable[[], bool], *, seconds: float) -> bool:
    """Wait for a condition; return whether it holds.

    Args:
        holds: Returns whether the condition holds.
        seconds: The longest wait.
    """
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(RECHECK_SECONDS)
    return held
