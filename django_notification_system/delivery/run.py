"""One run: what is due is claimed, delivered, settled, recorded and reported, batch by batch."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
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
from .due import targets_with_due
from .lane import Arrived, Event, Finished, Lane, Wanted
from .outcome import Outcome
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
        #: Targets of which nothing more is due, by key.
        self._exhausted: set[Any] = set()
        #: Whether notifications were found that belong to another target than was thought.
        self._sent_home = False
        self._lanes: list[Lane] = []
        #: What was done, for whoever iterates.
        self._reports: deque[Attempt] = deque()
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
            while self._sent_home and not self._stopping:
                # To targets that may have been through with theirs.
                self._sent_home = False
                self._exhausted.clear()
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
        for target in self._targets_with_due():
            failures: list[Exception] = []
            lane = self._open_lane(target, partial(self._handle_at_once, failures))
            lane.run()
            if failures:
                raise failures[0]
            yield from self._take_reports()

    def _side_by_side(self) -> Iterator[Attempt]:
        for target in self._targets_with_due():
            lane = self._open_lane(target, self._events.put)
            # A daemon: a handler that hangs for ever must not keep the process from ending.
            thread = threading.Thread(target=lane.run_in_thread, name=target.name, daemon=True)
            self._threads.append(thread)
            thread.start()
        while self._lanes:
            event = self._next_event()
            if event is not None:
                self._handle(event)
            for lane in list(self._lanes):
                self._keep_time(lane)
            yield from self._take_reports()

    def _open_lane(self, target: NotificationTarget, post: Callable[[Event], None]) -> Lane:
        lane = Lane(target, post, self._is_stopping, self._settings.record_every)
        self._lanes.append(lane)
        return lane

    def _next_event(self) -> Event | None:
        try:
            return self._events.get(timeout=RECORD_AFTER_SECONDS)
        except Empty:
            return None

    def _handle(self, event: Event) -> None:
        lane = event.lane
        if lane not in self._lanes:  # given up; its handler has come back to life
            lane.inbox.put(None)
            return
        match event:
            case Wanted():
                self._supply(lane)
            case Arrived():
                self._take_answers(lane)
            case Finished(_, problem):
                self._finish(lane, problem)

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

    def _supply(self, lane: Lane) -> None:
        """Hand over the next slice; claim ahead, too, where the handler is known to be at work."""
        while not self._stopping:
            batch = next((batch for batch in lane.batches if batch.has_more), None)
            just_claimed = batch is None
            if batch is None and (batch := self._claim(lane)) is None:
                break
            if notifications := batch.next_slice(just_claimed=just_claimed):
                lane.progress_at = time.monotonic()
                lane.inbox.put((batch, notifications))
                if not batch.has_more and lane.has_answered:
                    self._claim(lane)
                return
        lane.inbox.put(None)

    def _claim(self, lane: Lane) -> Batch | None:
        target = lane.target
        allowance = self._allowance(target)
        if self._stopping or allowance == 0 or target.pk in self._exhausted:
            return None
        size = self._settings.batch_size
        claim = claim_batch(
            target,
            due_at=self.due_at,
            size=size if allowance is None else min(size, allowance),
            lease_seconds=self._settings.lease_seconds,
            using=self.using,
        )
        self._sent_home |= claim.sent_home
        if claim.is_last:
            self._exhausted.add(target.pk)
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
            report=self._reports.append,
        )
        lane.batches.append(batch)
        return batch

    def _take_answers(self, lane: Lane) -> None:
        for answer in lane.take_answers():
            if answer.batch is not None and isinstance(answer.outcome, Outcome):
                answer.batch.take(answer.outcome, at=answer.at, since=answer.monotonic)
                continue
            logger.error(
                "The handler of target %r yielded %s for no notification that waits for an"
                " outcome; ignored.",
                lane.target.name,
                type(answer.outcome).__name__,
            )

    def _keep_time(self, lane: Lane) -> None:
        """Record what has waited, renew what is still on its way, leave behind what hangs."""
        self._take_answers(lane)
        for batch in list(lane.batches):
            batch.keep_time(lane.progress_at)
            if batch.is_done and not batch.has_more:
                lane.batches.remove(batch)
        if time.monotonic() - lane.progress_at > self._settings.lease_seconds:
            self._give_up(
                lane,
                f"The handler of target {lane.target.name!r} made no progress for"
                f" {self._settings.lease_seconds} seconds. It is left behind; give its calls a"
                " timeout.",
            )

    def _finish(self, lane: Lane, problem: str | None) -> None:
        self._take_answers(lane)
        for batch in lane.batches:
            batch.record()
            if problem is not None:
                batch.hold(problem)
        if problem is not None:
            self.problems[lane.target.name] = problem
        self._close(lane)

    def _give_up(self, lane: Lane, problem: str) -> None:
        """Settle what a handler took and will never answer for; report the rest."""
        at, monotonic = timezone.now(), time.monotonic()
        for batch, notification in list(lane.taken.values()):
            batch.take(Outcome.unknown(notification, problem), at=at, since=monotonic)
        self._finish(lane, problem)

    def _close(self, lane: Lane) -> None:
        self._lanes.remove(lane)
        for batch in lane.batches:
            batch.close()
        lane.inbox.put(None)

    def _wind_up(self) -> None:
        """End early, because the caller wants no more: leave nothing claimed or unrecorded."""
        self._stopping = True
        patience = time.monotonic() + WIND_UP_SECONDS
        while self._in_flight() and time.monotonic() < patience:
            if (event := self._next_event()) is not None:
                self._handle(event)
        for lane in list(self._lanes):
            self._take_answers(lane)
            self._give_up(lane, "The run was ended while the message was on its way.")

    def _in_flight(self) -> bool:
        return bool(self._lanes) and any(thread.is_alive() for thread in self._threads)

    def _targets_with_due(self) -> list[NotificationTarget]:
        usable = [target for target in self.targets if target.name not in self.problems]
        return targets_with_due(usable, self.due_at, using=self.using)

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

    def _take_reports(self) -> Iterator[Attempt]:
        while self._reports:
            yield self._reports.popleft()

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
