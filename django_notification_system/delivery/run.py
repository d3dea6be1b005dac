"""One run: what is due is claimed, delivered, settled, recorded and reported, batch by batch."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from django.db import connections, router
from django.utils import timezone

from ..conf import engine_settings, target_settings
from ..exceptions import NotificationSystemError, TargetUnavailable
from ..models import Notification, NotificationTarget
from ..notification_handlers.registry import find_handler
from .attempt import Attempt
from .batch import RECORD_AFTER_SECONDS, Batch
from .claim import claim_batch
from .lane import Arrived, Event, Finished, Lane, Wanted
from .settle import settle_without_attempt

logger = logging.getLogger("django_notification_system")

#: How long a run that is ended early waits for what is in flight, in seconds.
WIND_UP_SECONDS = 8


class Run:
    """Delivers what is due at the moment it is made; iterate over it to make it go.

    Args:
        target_names: Deliver only to targets of these names or module names; to all by default.
        limit: Attempt at most so many notifications, the oldest of all targets.
        using: The alias of the database that holds the notifications.

    Raises:
        NotificationSystemError: When a target name is unknown.
    """

    def __init__(
        self,
        *,
        target_names: Sequence[str] = (),
        limit: int | None = None,
        using: str | None = None,
    ) -> None:
        self.using = using or router.db_for_write(Notification)
        self.due_at = timezone.now()
        self.targets = _targets(target_names, self.using)
        #: What kept a target from being used, by the target's name.
        self.problems: dict[str, str] = {}
        self._settings = engine_settings()
        #: How many may still be attempted, by the target's key; ``None``: as many as are due.
        self._allowed = None if limit is None else self._oldest(limit)
        self._stopping = False
        self._active: list[Batch] = []
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def stop(self) -> None:
        """Finish what is in flight, record it, release the rest. Safe in a signal handler."""
        self._stopping = True

    def __iter__(self) -> Generator[Attempt]:
        """Deliver, and yield what was recorded."""
        if connections[self.using].in_atomic_block:
            # What this transaction wrote, a test's rows say, no other thread can see.
            deliver = self._one_after_another
        else:
            deliver = self._side_by_side
        try:
            yield from deliver()
        finally:
            self._wind_up()

    def preview(self) -> Generator[Attempt]:
        """Yield what a run would attempt now, and touch nothing."""
        for target in self.targets:
            due = (
                Notification.objects.using(self.using)
                .due(self.due_at)
                .unclaimed()
                .filter(target_user_record__target=target)
                .for_delivery()
                .order_by("scheduled_delivery")
            )
            verdict = None
            for notification in due[: self._allowance(target)].iterator(chunk_size=500):
                verdict = verdict or self._verdict(target)
                before = notification.status
                response = settle_without_attempt(notification) or verdict
                notification.status = before
                yield Attempt(
                    notification, target, notification.scheduled_delivery, before, response
                )

    def _one_after_another(self) -> Iterator[Attempt]:
        waiting = deque(self.targets)
        while waiting:
            target = waiting.popleft()
            batch = self._claim(target)
            if batch is None:
                continue
            failures: list[Exception] = []
            Lane(batch, partial(self._handle_at_once, failures), self._is_stopping).run()
            if failures:
                raise failures[0]
            yield from self._reports(batch)
            if self._may_go_on(target):
                waiting.append(target)

    def _side_by_side(self) -> Iterator[Attempt]:
        for target in self.targets:
            yield from self._start(target)
        while self._active:
            event = self._next_event()
            if event is not None:
                self._handle(event)
            for batch in list(self._active):
                batch.keep_time()
                if batch.stalled:
                    self._give_up(batch)
                yield from self._reports(batch)
            if isinstance(event, Finished):
                yield from self._reports(event.batch)
                if self._may_go_on(event.batch.target):
                    yield from self._start(event.batch.target)

    def _next_event(self) -> Event | None:
        try:
            return self._events.get(timeout=RECORD_AFTER_SECONDS)
        except Empty:
            return None

    def _start(self, target: NotificationTarget) -> Iterator[Attempt]:
        batch = self._claim(target)
        if batch is None:
            return
        yield from self._reports(batch)
        lane = Lane(batch, self._events.put, self._is_stopping)
        # A daemon: a handler that hangs for ever must not keep the process from ending.
        thread = threading.Thread(target=lane.run_in_thread, name=target.name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _claim(self, target: NotificationTarget) -> Batch | None:
        allowance = self._allowance(target)
        if self._stopping or allowance == 0:
            return None
        size = self._settings.batch_size
        claim = claim_batch(
            target,
            due_at=self.due_at,
            size=size if allowance is None else min(size, allowance),
            lease_seconds=self._settings.lease_seconds,
            using=self.using,
        )
        if not claim.notifications:
            return None
        logger.debug("%s: claimed %d.", target.name, len(claim.notifications))
        if self._allowed is not None:
            self._allowed[target.pk] -= len(claim.notifications)
        batch = Batch(
            target,
            claim,
            due_at=self.due_at,
            settings=self._settings,
            when_unknown=target_settings(target.notification_module_name).when_unknown,
        )
        self._active.append(batch)
        return batch

    def _handle(self, event: Event) -> None:
        batch = event.batch
        if batch not in self._active:
            return  # given up; its handler has come back to life
        match event:
            case Wanted() if self._stopping:
                batch.inbox.put([])
            case Wanted():
                batch.supply()
            case Arrived(_, outcome):
                batch.take(outcome)
            case Finished(_, problem):
                batch.record()
                if problem is not None:
                    self.problems[batch.target.name] = problem
                    batch.hold(problem)
                self._close(batch)

    def _handle_at_once(self, failures: list[Exception], event: Event) -> None:
        """Handle an event in the lane's own stack, where an error of ours is not the handler's."""
        try:
            if not failures:
                self._handle(event)
                return
        except Exception as error:
            failures.append(error)
            self._stopping = True
        event.batch.inbox.put([])

    def _give_up(self, batch: Batch) -> None:
        problem = (
            f"The handler of target {batch.target.name!r} made no progress for"
            f" {self._settings.lease_seconds} seconds. It is left behind; give its calls a timeout."
        )
        self.problems[batch.target.name] = problem
        batch.give_up(problem)
        self._close(batch)

    def _close(self, batch: Batch) -> None:
        self._active.remove(batch)
        batch.close()

    def _wind_up(self) -> None:
        """End early, because the caller wants no more: leave nothing claimed or unrecorded."""
        self._stopping = True
        patience = time.monotonic() + WIND_UP_SECONDS
        while self._in_flight() and time.monotonic() < patience:
            if (event := self._next_event()) is not None:
                self._handle(event)
        for batch in list(self._active):
            batch.give_up("The run was ended while the message was on its way.")
            self._close(batch)

    def _in_flight(self) -> bool:
        return bool(self._active) and any(thread.is_alive() for thread in self._threads)

    def _may_go_on(self, target: NotificationTarget) -> bool:
        return target.name not in self.problems

    def _is_stopping(self) -> bool:
        return self._stopping

    def _oldest(self, limit: int) -> Counter[Any]:
        """Count by target the notifications that are due first, so that none waits for another."""
        due = Notification.objects.using(self.using).due(self.due_at).unclaimed()
        return Counter(
            due.filter(target_user_record__target__in=self.targets)
            .order_by("scheduled_delivery")
            .values_list("target_user_record__target", flat=True)[:limit]
        )

    def _allowance(self, target: NotificationTarget) -> int | None:
        return None if self._allowed is None else self._allowed[target.pk]

    def _reports(self, batch: Batch) -> Iterator[Attempt]:
        while batch.reports:
            yield batch.reports.popleft()

    def _verdict(self, target: NotificationTarget) -> str:
        try:
            return f"Would be sent by {find_handler(target).source}."
        except TargetUnavailable as unavailable:
            self.problems[target.name] = str(unavailable)
            return str(unavailable)


def _targets(names: Sequence[str], using: str) -> list[NotificationTarget]:
    targets = list(NotificationTarget.objects.using(using).order_by("created_date", "name"))
    if not names:
        return targets
    wanted = {name.casefold() for name in names}
    chosen = [
        target
        for target in targets
        if {target.name.casefold(), target.notification_module_name.casefold()} & wanted
    ]
    known = {target.name.casefold() for target in targets} | {
        target.notification_module_name.casefold() for target in targets
    }
    if unknown := [name for name in names if name.casefold() not in known]:
        raise NotificationSystemError(
            f"There is no target {unknown[0]!r}. The targets are: "
            f"{', '.join(target.name for target in targets)}."
        )
    return chosen
