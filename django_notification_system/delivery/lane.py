"""One target's handler at work on one batch, in a thread of its own.

A thread each, so that a target that is slow holds up no other; the database stays with the run's
own thread, so that a test's transaction and SQLite's single writer are no obstacle.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.db import connections

from ..exceptions import TargetUnavailable
from ..models import Notification
from ..notification_handlers.registry import FoundHandler, find_handler
from .batch import Batch
from .outcome import Outcome, one_line

logger = logging.getLogger("django_notification_system")

#: SystemExit too: a library that calls sys.exit() must end neither its thread nor the run.
HANDLER_ERRORS = (Exception, SystemExit)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The handler asks for more of its batch."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class Arrived:
    """The handler yielded something, which should be an outcome."""

    batch: Batch
    outcome: object


@dataclass(frozen=True, slots=True)
class Finished:
    """The handler is through with its batch, or gave up on its target."""

    batch: Batch
    problem: str | None = None


Event = Wanted | Arrived | Finished


class Lane:
    """Takes one batch through its target's handler, and tells the run what happens.

    Args:
        batch: What to deliver. Only its ``inbox`` and ``taken`` are used here.
        post: Tells the run of an event.
        is_stopping: Whether the run is to end early.
    """

    def __init__(
        self, batch: Batch, post: Callable[[Event], None], is_stopping: Callable[[], bool]
    ) -> None:
        self._batch = batch
        self._post = post
        self._is_stopping = is_stopping
        #: From the inbox, and not yet taken by the handler.
        self._slice: deque[Notification] = deque()
        self._taken = batch.taken

    def run_in_thread(self) -> None:
        """Run, and close the connections that the handler opened in this thread."""
        try:
            self.run()
        finally:
            connections.close_all()

    def run(self) -> None:
        """Deliver the batch; whatever a handler raises stays here."""
        problem = None
        try:
            handler = find_handler(self._batch.target)
            try:
                self._relay(handler.deliver(self._feed()))
            except TargetUnavailable:
                raise
            except HANDLER_ERRORS as error:
                self._deliver_alone(handler, error)
            self._answer_for(handler)
        except TargetUnavailable as error:
            problem = str(error)
        except HANDLER_ERRORS as error:
            logger.exception("The handler of target %r failed.", self._batch.target.name)
            problem = one_line(error)
        finally:
            self._post(Finished(self._batch, problem))

    def _feed(self) -> Iterator[Notification]:
        while not self._is_stopping():
            if not self._slice:
                self._post(Wanted(self._batch))
                self._slice.extend(self._batch.inbox.get())
                if not self._slice:
                    return
            notification = self._slice.popleft()
            self._taken[notification.pk] = notification
            yield notification

    def _relay(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Outcome):
                self._taken.pop(outcome.notification.pk, None)
            self._post(Arrived(self._batch, outcome))

    def _deliver_alone(self, handler: FoundHandler, error: BaseException) -> None:
        """Find the one notification that a handler breaks on by giving it each alone.

        What it may have sent before it broke is sent again, unless the target would rather lose
        a message than send it twice.
        """
        logger.error("%s raised while delivering a batch.", handler.source, exc_info=error)
        again = list(self._taken.values())
        if len(again) == 1 or self._batch.when_unknown == "fail":
            self._relay(Outcome.unknown(notification, one_line(error)) for notification in again)
            again = []
        self._taken.clear()
        self._slice.extendleft(reversed(again))
        for notification in self._feed():
            try:
                self._relay(handler.deliver(iter([notification])))
            except TargetUnavailable:
                raise
            except HANDLER_ERRORS as its_error:
                self._relay([Outcome.unknown(notification, one_line(its_error))])

    def _answer_for(self, handler: FoundHandler) -> None:
        """Give an outcome to what the handler forgot."""
        self._relay(
            Outcome.unknown(
                notification, f"deliver() in {handler.source} yielded no outcome for it."
            )
            for notification in list(self._taken.values())
        )
        self._relay(
            Outcome.retry(notification, f"deliver() in {handler.source} did not take it.")
            for notification in self._feed()
        )
