"""The rows of a batch that may be sent, at the claim and right before sending."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import DatabaseError
from django.utils import timezone

from ...database import patiently
from ...models import Notification, NotificationTarget
from ...observing.observers import tell
from ...preferences.lookup import Refusal, refusals
from ..claims.claim import Claim
from ..claims.claimed_rows import unreadable
from ..claims.large_texts import is_unread, read, read_long_texts
from ..claims.recheck import still_deliverable
from ..outcomes.record import record_skipped
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
        refused = self._refused(notifications)
        skipped = [
            notification
            for notification in notifications
            if skip(notification, at=moment, refusal=refused.get(notification.pk))
            or self._fail_unreadable(notification)
        ]
        if not skipped:
            return
        record_skipped(self._claim, skipped)
        for notification in skipped:
            del self._open[notification.pk]
        tell("skipped", self._target, self._claim.token, skipped)
        self._reports.announce(skipped)

    def still_wanted(self, candidates: list[Notification]) -> list[Notification]:
        """Return the rows to be sent even now.

        Since the claim a user may have opted out or changed a preference, a person may have
        cancelled, put off or deleted a notification or switched off a record, a notification may
        have expired, or the lease ended.
        """
        if not candidates:
            return []
        keys = [notification.pk for notification in candidates]
        wanted = still_deliverable(self._claim, keys, self._moment())
        # A suppression ends what waits, so the status says so; a preference in bulk does not.
        wanted -= self._refused(candidates, with_addresses=False).keys()
        if len(wanted) == len(keys):
            return candidates
        self._set_aside([key for key in keys if key not in wanted])
        return [notification for notification in candidates if notification.pk in wanted]

    def with_texts(self, candidates: list[Notification]) -> list[Notification]:
        """Return a slice with all texts, without rows unreadable or deleted."""
        using = self._claim.using
        if not any(map(is_unread, candidates)):
            return candidates
        try:
            gone = patiently(lambda: read_long_texts(candidates, using=using), using=using)
        except DatabaseError:
            raise
        except Exception:
            gone = set().union(*map(self._read_alone, candidates))
        if gone:
            self._set_aside([each.pk for each in candidates if each.pk in gone])
        return [notification for notification in candidates if notification.pk in self._open]

    def _refused(
        self, notifications: list[Notification], *, with_addresses: bool = True
    ) -> dict[uuid.UUID, Refusal]:
        """Return the rows that preferences or suppressions forbid; asks only about categories."""
        if not any(notification.category for notification in notifications):
            return {}
        using = self._claim.using
        return patiently(
            lambda: refusals(
                notifications, self._target, using=using, with_addresses=with_addresses
            ),
            using=using,
        )

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
                self._reports.report(rows[key], "Not sent: it was put off meanwhile.")
            elif key in rows:
                self._reports.report(rows[key], "Not sent: somebody else changed it meanwhile.")
