"""The rows of a batch that may be sent, at the claim and right before sending."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import DatabaseError
from django.utils import timezone

from ...database import patiently
from ...models import Notification, NotificationTarget
from ...models.reserved import is_queued_mail
from ...observing.observers import tell
from ...preferences.fallbacks import read_on_site
from ...preferences.lookup import Refusal, refusals
from ..claims.claim import Claim
from ..claims.claimed_rows import unreadable
from ..claims.large_texts import is_unread, read, read_long_texts
from ..claims.recheck import still_deliverable
from ..handlers.typed import Prepared, prepare
from ..outcomes.record import record_postponed, record_skipped
from ..outcomes.skip import skip
from .batch_reports import BatchReports


class Sendable:
    """Finds the rows that may be sent, and skips or releases the others.

    Args:
        target: The target of the rows.
        claim: The right to the rows.
        due_by: The run delivers notifications due at this moment.
        open_rows: The rows without an outcome, by key; skipped and released rows are removed here.
        reports: Reports skipped and released rows.
    """

    def __init__(
        self,
        target: NotificationTarget,
        claim: Claim,
        due_by: datetime,
        open_rows: dict[uuid.UUID, Notification],
        reports: BatchReports,
    ) -> None:
        self._target = target
        self._claim = claim
        self._due_by = due_by
        self._open = open_rows
        self._reports = reports

    def skip(self, notifications: Iterable[Notification]) -> None:
        """End rows that must not be sent: opted out, suppressed, inactive, expired or unreadable.

        Args:
            notifications: The rows to judge.
        """
        moment = self._moment()
        notifications = list(notifications)
        refused = {**self._read_on_site(notifications), **self._refused(notifications)}
        skipped = [
            notification
            for notification in notifications
            if skip(notification, at=moment, refusal=refused.get(notification.pk))
            or self._fail_unreadable(notification)
        ]
        self._end(skipped)

    def still_wanted(self, candidates: list[Notification]) -> list[Notification]:
        """Return the rows to be sent even now.

        Since the claim, a user may have opted out, changed a preference or read a fallback's item;
        an import may have brought a suppression; a person may have cancelled, rescheduled or
        deleted a notification, or switched off a record; a notification may have expired, or the
        lease ended.

        Args:
            candidates: Claimed rows.
        """
        candidates = self._without_read(candidates)
        if not candidates:
            return []
        keys = [notification.pk for notification in candidates]
        wanted = still_deliverable(self._claim, keys, self._moment())
        wanted -= self._refused(candidates).keys()
        if len(wanted) == len(keys):
            return candidates
        self._set_aside([key for key in keys if key not in wanted])
        return [notification for notification in candidates if notification.pk in wanted]

    def with_texts(self, candidates: list[Notification]) -> list[Notification]:
        """Return a slice with all texts, without rows unreadable or deleted.

        Args:
            candidates: Claimed rows, whose long texts may still be in the database only.
        """
        using = self._claim.using
        unread = list(filter(is_unread, candidates))
        if not unread:
            return candidates
        try:
            gone = patiently(lambda: read_long_texts(candidates, using=using), using=using)
        except DatabaseError:
            raise
        except Exception:
            gone = set().union(*map(self._read_alone, candidates))
        if gone:
            self._set_aside([each.pk for each in candidates if each.pk in gone])
        # Only now their ``extra`` says which of them are fallbacks.
        self._without_read([each for each in unread if each.pk in self._open])
        # And whom else of a queued mail's recipients a suppression concerns.
        mails = [each for each in unread if each.pk in self._open and is_queued_mail(each)]
        if refused := self._refused(mails):
            self.skip([each for each in mails if each.pk in refused])
        return [notification for notification in candidates if notification.pk in self._open]

    def with_bodies(self, candidates: list[Notification]) -> Prepared:
        """Render the texts of notifications of a type; end or postpone those not to be sent.

        Args:
            candidates: A slice, with all texts.

        Returns:
            The rows to be sent, and the outcomes of rows whose texts cannot be made.
        """
        prepared = prepare(candidates, self._target)
        self._end(prepared.cancelled)
        self._postpone(prepared.postponed)
        return prepared

    def _end(self, ended: list[Notification]) -> None:
        """Record rows that ended without an attempt, and report them."""
        if not ended:
            return
        record_skipped(self._claim, ended)
        for notification in ended:
            del self._open[notification.pk]
        tell("skipped", self._target, self._claim.token, ended)
        self._reports.announce(ended)

    def _postpone(self, notifications: list[Notification]) -> None:
        record_postponed(self._claim, notifications)
        for notification in notifications:
            del self._open[notification.pk]
            self._reports.report(notification, notification.response, is_postponed=True)

    def _refused(self, notifications: list[Notification]) -> dict[uuid.UUID, Refusal]:
        """Return the rows that preferences or suppressions forbid; asks only about categories."""
        if not any(notification.category for notification in notifications):
            return {}
        using = self._claim.using
        return patiently(lambda: refusals(notifications, self._target, using=using), using=using)

    def _read_on_site(self, notifications: list[Notification]) -> dict[uuid.UUID, Refusal]:
        """Return the fallbacks whose user has read the item; asks only about fallbacks."""
        using = self._claim.using
        return patiently(lambda: read_on_site(notifications, using=using), using=using)

    def _without_read(self, candidates: list[Notification]) -> list[Notification]:
        """End the fallbacks whose user has read the item, and return the other rows."""
        read = self._read_on_site(candidates)
        if not read:
            return candidates
        self.skip([notification for notification in candidates if notification.pk in read])
        return [notification for notification in candidates if notification.pk in self._open]

    def _fail_unreadable(self, notification: Notification) -> bool:
        reason = self._claim.unreadable.get(notification.pk)
        if reason is None:
            return False
        notification.status = Notification.DELIVERY_FAILURE
        notification.attempted_delivery = timezone.now()
        notification.response = reason
        return True

    def _read_alone(self, notification: Notification) -> set[uuid.UUID]:
        try:
            return read_long_texts([notification], using=self._claim.using)
        except DatabaseError:
            raise
        except Exception as error:
            self._claim.unreadable[notification.pk] = unreadable(error)
            self.skip([notification])
            return set()

    def _moment(self) -> datetime:
        """Return the moment of the recheck: the claiming host's clock may be ahead."""
        return max(timezone.now(), self._due_by, self._claim.latest or self._due_by)

    def _set_aside(self, keys: list[uuid.UUID]) -> None:
        """Skip or release rows that must not be sent, and report the released rows."""
        current = self._claim.rows(keys).for_delivery()
        rows = {row.pk: row for row in patiently(lambda: read(current), using=self._claim.using)}
        pending = {
            pk: row for pk, row in rows.items() if row.status in Notification.PENDING_STATUSES
        }
        self.skip(pending.values())
        left = [key for key in keys if key in self._open]
        self._claim.release(key for key in left if key in rows)
        for key in left:
            del self._open[key]
            if key in pending:
                self._reports.report(rows[key], "Not sent: somebody rescheduled it meanwhile.")
            elif key in rows:
                self._reports.report(rows[key], "Not sent: somebody else changed it meanwhile.")
