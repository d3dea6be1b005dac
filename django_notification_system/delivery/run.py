"""One run: what is due is claimed, delivered, settled, recorded and reported, batch by batch."""

import logging
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import router
from django.utils import timezone

from ..conf import engine_settings, target_settings
from ..exceptions import NotificationSystemError, TargetUnavailable
from ..models import Notification, NotificationTarget
from ..notification_handlers.registry import FoundHandler, find_handler
from .announce import announce
from .claim import Claim, claim_batch
from .outcome import Outcome, one_line
from .record import record_outcomes, record_settled
from .settle import settle, settle_without_attempt

logger = logging.getLogger("django_notification_system")

#: Outcomes wait at most this many seconds to be recorded together.
RECORD_AFTER_SECONDS = 0.1


@dataclass(frozen=True)
class Attempt:
    """What a run did about one notification, for people and programs to read.

    Attributes:
        notification: The notification as it is now.
        target: Where it was to go.
        scheduled_delivery: When it was due.
        status_before: Its status before the run came to it.
        response: What the handler said, or why nothing was sent.
    """

    notification: Notification
    target: NotificationTarget
    scheduled_delivery: datetime
    status_before: str
    response: str

    @property
    def failed(self) -> bool:
        """Whether the notification did not go out though it should have."""
        return self.notification.status in (
            Notification.DELIVERY_FAILURE,
            *Notification.PENDING_STATUSES,
        )


class Run:
    """Delivers what is due at the moment it is made; iterate over it to make it go.

    Args:
        target_names: Deliver only to targets of these names or module names; to all by default.
        limit: Attempt at most so many notifications.
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
        self.problems: dict[str, str] = {}
        self._settings = engine_settings()
        self._remaining = limit
        self._stopping = False

    def stop(self) -> None:
        """Finish what is in flight, record it, release the rest. Safe in a signal handler."""
        self._stopping = True

    def __iter__(self) -> Iterator[Attempt]:
        """Deliver, a batch of each target in turn, and yield what was recorded."""
        targets = list(self.targets)
        while targets and not self._done():
            for target in list(targets):
                if self._done():
                    break
                claim = self._claim(target)
                if claim.notifications:
                    yield from _Batch(self, target, claim).attempts()
                if not claim.notifications or target.name in self.problems:
                    targets.remove(target)

    def preview(self) -> Iterator[Attempt]:
        """Yield what a run would attempt now, and touch nothing."""
        for target in self.targets:
            try:
                handler = find_handler(target)
                verdict = f"Would be sent by {handler.source}."
            except TargetUnavailable as unavailable:
                verdict = self.problems[target.name] = str(unavailable)
            due = (
                Notification.objects.using(self.using)
                .due(self.due_at)
                .unclaimed()
                .filter(target_user_record__target=target)
                .for_delivery()
                .order_by("scheduled_delivery")
            )
            for notification in due[: self._remaining].iterator(chunk_size=500):
                before = notification.status
                response = settle_without_attempt(notification) or verdict
                notification.status = before
                yield Attempt(
                    notification, target, notification.scheduled_delivery, before, response
                )
                self._count_down(1)

    def _claim(self, target: NotificationTarget) -> Claim:
        size = self._settings.batch_size
        claim = claim_batch(
            target,
            due_at=self.due_at,
            size=size if self._remaining is None else min(size, self._remaining),
            lease_seconds=self._settings.lease_seconds,
            using=self.using,
        )
        self._count_down(len(claim.notifications))
        return claim

    def _count_down(self, count: int) -> None:
        if self._remaining is not None:
            self._remaining -= count

    def _done(self) -> bool:
        return self._stopping or self._remaining == 0


class _Batch:
    """One claimed batch on its way: what is still to get an outcome, and what to write down."""

    def __init__(self, run: Run, target: NotificationTarget, claim: Claim) -> None:
        self.run = run
        self.target = target
        self.claim = claim
        self.when_unknown = target_settings(target.notification_module_name).when_unknown
        self.before = {
            notification.pk: (notification.scheduled_delivery, notification.status)
            for notification in claim.notifications
        }
        #: Without an outcome as yet, by key.
        self.open = {notification.pk: notification for notification in claim.notifications}
        #: Handed to the handler.
        self.taken: set[uuid.UUID] = set()
        #: With an outcome that is not written down as yet.
        self.unrecorded: list[Outcome] = []
        self.unrecorded_since = 0.0
        self.renewed_at = time.monotonic()

    def attempts(self) -> Iterator[Attempt]:
        """Take the batch all the way; whatever happens, leave no row claimed."""
        try:
            yield from self._settle_without_attempt()
            for outcome in self._outcomes():
                if (attempts := self._take(outcome)) is not None:
                    yield from attempts
            yield from self._record()
            yield from self._hold()
        finally:
            self._record()
            if self.open:
                self.claim.release(self.open)

    def _settle_without_attempt(self) -> list[Attempt]:
        settled = [
            notification
            for notification in self.claim.notifications
            if settle_without_attempt(notification)
        ]
        record_settled(self.claim, settled)
        for notification in settled:
            del self.open[notification.pk]
        announce(settled, using=self.claim.using)
        return [self._report(notification) for notification in settled]

    def _outcomes(self) -> Iterator[Outcome]:
        """Yield what the handler says; a handler's error stays its own."""
        if not self.open:
            return
        try:
            handler = find_handler(self.target)
            try:
                yield from handler.deliver(self._feed(list(self.open.values())))
            except TargetUnavailable:
                raise
            except Exception as error:
                yield from self._deliver_alone(handler, error)
            yield from self._without_outcome(handler)
        except TargetUnavailable as unavailable:
            self.run.problems[self.target.name] = str(unavailable)

    def _feed(self, notifications: Iterable[Notification]) -> Iterator[Notification]:
        for notification in notifications:
            if self.run._stopping:
                return
            self.taken.add(notification.pk)
            yield notification

    def _deliver_alone(self, handler: FoundHandler, error: Exception) -> Iterator[Outcome]:
        """Find the one notification that a handler breaks on by giving it each alone.

        Those that it may have sent before it broke are sent again, unless the target would
        rather lose a message than send it twice.
        """
        logger.error("%s raised while delivering a batch.", handler.source, exc_info=error)
        if len(self.taken & self.open.keys()) == 1 or self.when_unknown == "fail":
            for notification in self._taken_and_open():
                yield Outcome.retry(notification, one_line(error))
        for notification in list(self.open.values()):
            if self.run._stopping:
                return
            try:
                yield from handler.deliver(self._feed([notification]))
            except TargetUnavailable:
                raise
            except Exception as its_error:
                yield Outcome.retry(notification, one_line(its_error))

    def _without_outcome(self, handler: FoundHandler) -> Iterator[Outcome]:
        for notification in self._taken_and_open():
            yield Outcome.unknown(
                notification, f"deliver() in {handler.source} yielded no outcome for it."
            )
        if not self.run._stopping:
            for notification in list(self.open.values()):
                yield Outcome.retry(notification, f"deliver() in {handler.source} did not take it.")

    def _taken_and_open(self) -> list[Notification]:
        return [self.open[pk] for pk in list(self.open) if pk in self.taken]

    def _take(self, outcome: Any) -> list[Attempt] | None:
        """Settle an outcome, and record it together with others when it is time."""
        if not isinstance(outcome, Outcome) or outcome.notification.pk not in self.open:
            logger.error(
                "The handler of target %r yielded %s for no notification that waits for an"
                " outcome; ignored.",
                self.target.name,
                type(outcome).__name__,
            )
            return None
        settle(
            outcome,
            at=timezone.now(),
            due_until=self.run.due_at,
            when_unknown=self.when_unknown,
        )
        del self.open[outcome.notification.pk]
        if not self.unrecorded:
            self.unrecorded_since = time.monotonic()
        self.unrecorded.append(outcome)
        self._renew()
        waited = time.monotonic() - self.unrecorded_since
        if len(self.unrecorded) >= self.run._settings.record_every or waited > RECORD_AFTER_SECONDS:
            return self._record()
        return None

    def _record(self) -> list[Attempt]:
        outcomes, self.unrecorded = self.unrecorded, []
        if not outcomes:
            return []
        record_outcomes(self.claim, outcomes)
        notifications = [outcome.notification for outcome in outcomes]
        announce(notifications, using=self.claim.using)
        return [self._report(notification) for notification in notifications]

    def _renew(self) -> None:
        """Hold what is still open for another lease, while there is progress."""
        now = time.monotonic()
        if self.open and now - self.renewed_at > self.run._settings.lease_seconds / 3:
            self.claim.renew(self.open, self.run._settings.lease_seconds)
            self.renewed_at = now

    def _hold(self) -> list[Attempt]:
        """Report those that the target's problem kept from being attempted."""
        problem = self.run.problems.get(self.target.name)
        if problem is None:
            return []
        return [self._report(notification, problem) for notification in self.open.values()]

    def _report(self, notification: Notification, response: str | None = None) -> Attempt:
        scheduled_delivery, status = self.before[notification.pk]
        if response is None:
            response = notification.response
        return Attempt(notification, self.target, scheduled_delivery, status, response)


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
