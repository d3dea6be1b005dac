"""One claimed batch: what still needs an outcome, what is to be written, what is to be told."""

import logging
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from ...conf import EngineSettings, WhenUnknown
from ...database import patiently
from ...models import Notification, NotificationTarget
from ...observing.log import log_attempts, log_fields, log_skipped
from ...observing.observers import tell
from ...outcome import Outcome, one_line
from ..claims.claim import Claim, unreadable
from ..claims.interrupted import reason_to_give_up
from ..claims.large_texts import LONG_BYTES_AT_ONCE, first_of_size, is_unread, read, read_long_texts
from ..claims.recheck import count_deliverable
from ..outcomes.announce import announce
from ..outcomes.apply import TICK, apply
from ..outcomes.record import record_outcomes, record_skipped
from ..outcomes.skip import skip
from .instant import Instant
from .report import Report

logger = logging.getLogger("django_notification_system")

#: Outcomes wait for so many seconds to be recorded together; the run looks as often for those.
RECORD_AFTER_SECONDS = 0.05
#: How many notifications are looked at once more, together, right before they are sent. A lane has
#: up to two slices: one that it sends, and the next.
SLICE_SIZE = 50
#: How often one that the provider was too busy for is handed over again before the rest, and how
#: often at all: by then others have got through, and the provider is not only busy.
FIRST_TIMES_PUT_BACK = 3
MOST_TIMES_PUT_BACK = 8


class BatchInFlight:
    """One claimed batch, in the hands of the run's own thread, which alone uses the database.

    Args:
        target: Where it goes.
        claim: The rows, and the right to them.
        due_at: The moment up to which the run delivers what is due.
        settings: The engine's settings.
        when_unknown: The target's choice.
        report: Told what was done, for whoever iterates over the run.
        read_at: The moment before the rows were claimed and read; by default now.

    Attributes:
        was_interrupted: Whether its rows were claimed before, by runs that died.
    """

    def __init__(
        self,
        target: NotificationTarget,
        claim: Claim,
        *,
        due_at: datetime,
        settings: EngineSettings,
        when_unknown: WhenUnknown,
        report: Callable[[Report], None],
        read_at: Instant | None = None,
    ) -> None:
        self.target = target
        self.claim = claim
        self.due_at = due_at
        self.settings = settings
        self.when_unknown = when_unknown
        self._report_attempt = report
        self._before = {
            notification.pk: (notification.scheduled_delivery, notification.status)
            for notification in claim.notifications
        }
        #: Without an outcome as yet, by key.
        self._open = {notification.pk: notification for notification in claim.notifications}
        self._waiting: deque[Notification] = deque()
        #: Refused by a busy provider, to be handed over again before the rest.
        self._put_back: list[Notification] = []
        #: How often that was so, by key.
        self._times_put_back: Counter[uuid.UUID] = Counter()
        self._unrecorded: list[Outcome] = []
        self._unrecorded_since = 0.0
        self._renewed_at = time.monotonic()
        self.was_interrupted = claim.was_interrupted
        #: When its rows were read.
        self.read_at = read_at or Instant.now()
        self._leased = self.read_at
        self._has_ended = False
        tell("batch_began", target, claim.token, claim.notifications)

    def begin(self) -> None:
        """Settle what is not to be sent, and keep the rest for the handler.

        Apart from making the batch, so that whoever made it can close it where the database fails.
        """
        self._skip(self.claim.notifications)
        if self.was_interrupted:
            self._give_up_interrupted()
        self._waiting.extend(self._open.values())
        # Nobody keeps a row that is done with, and its texts.
        self.claim.notifications = []

    @property
    def has_more(self) -> bool:
        """Whether some of it is still to be handed to the handler."""
        return bool(self._waiting or self._put_back)

    @property
    def waiting(self) -> int:
        """How many of it are still to be handed to the handler, or settled before that."""
        return len(self._waiting) + len(self._put_back)

    @property
    def unrecorded(self) -> int:
        """How many outcomes of it wait to be recorded."""
        return len(self._unrecorded)

    @property
    def in_flight(self) -> int:
        """How many of it were handed to the handler, and have no outcome as yet."""
        return len(self._open) - self.waiting

    @property
    def is_done(self) -> bool:
        """Whether every one of it has its outcome, and that is recorded."""
        return not self._open and not self._unrecorded

    @property
    def is_lease_over(self) -> bool:
        """Whether others may have the rows, as no run can tell that slept. For any thread."""
        return self._leased.age > self.settings.lease_seconds

    def look_again(self, notifications: list[Notification]) -> list[Notification]:
        """Return those of a slice that are to be sent even now, though they have waited.

        Where the run slept, their lease may be over; what others have not taken is held anew.
        """
        if self._leased.age > self.settings.lease_seconds / 3:
            self._renew()
        return self._still_wanted(notifications)

    def next_slice(self, *, just_claimed: bool = False) -> list[Notification]:
        """Return what is to be sent next, without what is no longer to be sent.

        It is empty where nothing of the slice, or of the batch, is left to be sent.

        Args:
            just_claimed: Whether the rows were read this very moment, and need no other look.
        """
        self._waiting.extendleft(reversed(self._put_back))
        self._put_back.clear()
        most = list(islice(self._waiting, SLICE_SIZE))
        candidates = [self._waiting.popleft() for _ in range(first_of_size(most))]
        if not just_claimed:
            candidates = self._still_wanted(candidates)
        return self._with_texts(candidates)

    def take(
        self,
        outcome: Outcome,
        *,
        at: datetime,
        since: float,
        when_unknown: WhenUnknown | None = None,
    ) -> None:
        """Settle what the handler said of one notification, and record it when it is time.

        Args:
            outcome: What came of the attempt.
            at: When the handler said so.
            since: Likewise, by the monotonic clock.
            when_unknown: What to do where nobody can know; by default the target's choice.
        """
        if outcome.notification.pk not in self._open:
            return  # settled otherwise: cancelled or deleted
        outcome = self._applied(outcome, at, when_unknown or self.when_unknown)
        del self._open[outcome.notification.pk]
        if not self._unrecorded:
            self._unrecorded_since = since
        self._unrecorded.append(outcome)
        # Nor are long texts to be kept for longer than they must.
        size = sum(each.notification.long_size for each in self._unrecorded)
        if len(self._unrecorded) >= self.settings.record_every or size > LONG_BYTES_AT_ONCE:
            self.record()

    def _applied(self, outcome: Outcome, at: datetime, when_unknown: WhenUnknown) -> Outcome:
        """Settle an outcome; one that makes no sense counts as unknown."""
        try:
            apply(outcome, at=at, due_until=self.due_at, when_unknown=when_unknown)
        except Exception as error:
            logger.exception(
                "The handler of target %r yielded a bad outcome.",
                self.target.name,
                extra=log_fields(
                    self.target,
                    notification=outcome.notification,
                    batch_token=self.claim.token,
                ),
            )
            outcome = Outcome.unknown(
                outcome.notification,
                f"Its handler yielded an outcome that makes no sense ({one_line(error)}).",
            )
            apply(outcome, at=at, due_until=self.due_at, when_unknown=when_unknown)
        return outcome

    def keep_time(self, progress_at: float) -> None:
        """Record what has waited long enough, and hold the rest while there is progress.

        Args:
            progress_at: When the handler last made some, by the monotonic clock.
        """
        now = time.monotonic()
        if self._unrecorded and now - self._unrecorded_since >= RECORD_AFTER_SECONDS:
            self.record()
        third = self.settings.lease_seconds / 3
        if self._open and now - self._renewed_at > third and progress_at > self._renewed_at:
            self._renew()

    def _renew(self) -> None:
        leased, renewed_at = Instant.now(), time.monotonic()
        self.claim.renew(self._open, self.settings.lease_seconds)
        self._leased, self._renewed_at = leased, renewed_at

    def record(self) -> None:
        """Write down the outcomes that are not yet."""
        if self._unrecorded:
            # Kept until that has succeeded: the end of the run tries once more.
            record_outcomes(self.claim, self._unrecorded)
            outcomes, self._unrecorded = self._unrecorded, []
            notifications = [outcome.notification for outcome in outcomes]
            logger.debug(
                "%s: recorded %d.",
                self.target.name,
                len(outcomes),
                extra=log_fields(self.target, batch_token=self.claim.token, count=len(outcomes)),
            )
            attempts = [outcome for outcome in outcomes if outcome.is_attempt]
            attempted = [outcome.notification for outcome in attempts]
            log_attempts(self.target, self.claim.token, attempted)
            tell("recorded", self.target, self.claim.token, attempts)
            self._tell(notifications)

    def put_back(self, notification: Notification, *, was_refused: bool = True) -> bool:
        """Keep one that the provider was too busy for, to be handed over again: mostly at first.

        Args:
            notification: Which; it has no outcome.
            was_refused: Whether the provider was asked at all.

        Returns:
            Whether it is kept. One that was refused again and again is not: then it is not only
            the provider that is busy.
        """
        key = notification.pk
        self._times_put_back[key] += was_refused
        if self._times_put_back[key] > MOST_TIMES_PUT_BACK:
            return False
        if key in self._open:
            is_first = self._times_put_back[key] <= FIRST_TIMES_PUT_BACK
            (self._put_back if is_first else self._waiting).append(notification)
        return True

    def put_last(self, notification: Notification, *, at: datetime) -> None:
        """Let one that was tried in vain, and not attempted, go behind all that is due.

        Args:
            notification: Which; it has no outcome.
            at: When it was tried.
        """
        rows = self.claim.rows([notification.pk]).due(self.due_at)
        moment = max(at, self.due_at + TICK)
        patiently(lambda: rows.update(scheduled_delivery=moment), using=self.claim.using)

    def hold(self, problem: str) -> None:
        """Report those that the target's problem kept from being attempted."""
        for notification in self._open.values():
            self._report(notification, problem)

    def close(self, problem: str | None = None) -> None:
        """Record, and give back what has no outcome.

        Args:
            problem: What kept the target from being used.
        """
        try:
            self.record()
            if self._open:
                self.claim.release(self._open)
                self._open.clear()
        finally:
            self.end(problem)

    def end(self, problem: str | None = None) -> None:
        """Tell whoever watches that it is over, once; whatever is recorded later is not watched.

        Args:
            problem: What kept the target from being used.
        """
        if not self._has_ended:
            self._has_ended = True
            tell("batch_ended", self.target, self.claim.token, problem or "")

    def _skip(self, notifications: Iterable[Notification]) -> None:
        moment = self._moment()
        skipped = [
            notification
            for notification in notifications
            if skip(notification, at=moment) or self._skip_unreadable(notification)
        ]
        record_skipped(self.claim, skipped)
        for notification in skipped:
            del self._open[notification.pk]
        if skipped:
            log_skipped(self.target, self.claim.token, skipped)
            tell("skipped", self.target, self.claim.token, skipped)
        self._tell(skipped)

    def _give_up_interrupted(self) -> None:
        """End what was interrupted too often, before a handler sees it once more."""
        at, since = timezone.now(), time.monotonic()
        for notification in list(self._open.values()):
            if reason := reason_to_give_up(notification, self.settings):
                outcome = Outcome.unknown(notification, reason)
                self.take(outcome, at=at, since=since, when_unknown="fail")

    def _skip_unreadable(self, notification: Notification) -> bool:
        reason = self.claim.unreadable.get(notification.pk)
        if reason is None:
            return False
        notification.status = Notification.DELIVERY_FAILURE
        notification.attempted_delivery = timezone.now()
        notification.response = reason
        return True

    def _still_wanted(self, candidates: list[Notification]) -> list[Notification]:
        """Return those to be sent even now.

        Since the claim a user may have opted out, a person may have cancelled, put off or deleted a
        notification or switched off a record, its time may be over, or the lease.
        """
        if not candidates:
            return []
        moment = self._moment()
        keys = [notification.pk for notification in candidates]
        if count_deliverable(self.claim, keys, moment) == len(keys):
            return candidates
        deliverable = self.claim.deliverable(keys, moment)
        wanted = set(
            patiently(
                lambda: list(deliverable.values_list("pk", flat=True)), using=self.claim.using
            )
        )
        self._set_aside([key for key in keys if key not in wanted])
        return [notification for notification in candidates if notification.pk in wanted]

    def _with_texts(self, candidates: list[Notification]) -> list[Notification]:
        """Return a slice with all its texts, without what cannot be read, or is gone."""
        using = self.claim.using
        if not any(map(is_unread, candidates)):
            return candidates
        try:
            gone = patiently(lambda: read_long_texts(candidates, using=using), using=using)
        except DatabaseError:
            raise
        except Exception:
            gone = set().union(*map(self._read_alone, candidates))
        if gone:
            self._set_aside(
                [notification.pk for notification in candidates if notification.pk in gone]
            )
        return [notification for notification in candidates if notification.pk in self._open]

    def _read_alone(self, notification: Notification) -> set[Any]:
        try:
            return read_long_texts([notification], using=self.claim.using)
        except DatabaseError:
            raise
        except Exception as error:
            self.claim.unreadable[notification.pk] = unreadable(error)
            self._skip([notification])
            return set()

    def _moment(self) -> datetime:
        """Return the moment to judge by: the clock of the host that claimed may be ahead."""
        return max(timezone.now(), self.due_at, self.claim.latest or self.due_at)

    def _set_aside(self, keys: list[uuid.UUID]) -> None:
        current = self.claim.rows(keys).for_delivery()
        rows = {row.pk: row for row in patiently(lambda: read(current), using=self.claim.using)}
        pending = {
            pk: row for pk, row in rows.items() if row.status in Notification.PENDING_STATUSES
        }
        self._skip(pending.values())
        left = [key for key in keys if key in self._open]
        self.claim.release(key for key in left if key in rows)
        for key in left:
            del self._open[key]
            if key in pending:
                self._report(rows[key], "Not sent: it was put off meanwhile.")
            elif key in rows:
                self._report(rows[key], "Not sent: it was settled otherwise meanwhile.")

    def _tell(self, notifications: list[Notification]) -> None:
        announce(notifications, using=self.claim.using)
        for notification in notifications:
            self._report(notification, notification.response)

    def _report(self, notification: Notification, response: str) -> None:
        scheduled_delivery, status = self._before[notification.pk]
        self._report_attempt(
            Report(notification, self.target, scheduled_delivery, status, response)
        )
