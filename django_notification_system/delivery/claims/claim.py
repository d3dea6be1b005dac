"""A claim: rows, and the right to deliver them."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper, F

from ...database import patiently
from ...models import Notification
from ...models.expressions import Among, DatabaseNow
from ...models.notification_queryset import NotificationQuerySet


@dataclass
class Claim:
    """Rows of one target, and the right to deliver them until the lease ends.

    Attributes:
        token: The mark in the rows.
        notifications: The rows, in the order of delivery, where the rows were read.
        using: The database's alias.
        keys: The rows' keys, in the same order, where the rows were not read.
        unreadable: By a row's key, why the row cannot be read in full.
        is_last: Whether no more rows were due and free.
        rows_moved: Whether rows were found whose record was moved to another target; run the other
            target again.
        leaves_interrupted: Whether only interrupted rows are left to claim.
        is_counted: Whether the claim counts as an interruption of its rows until their outcome.
        latest: The latest ``scheduled_delivery`` of the rows: a row with a later moment by now was
            rescheduled since.
        marking: The keys of rows being claimed, until the database has answered.
    """

    token: uuid.UUID
    notifications: list[Notification]
    using: str
    keys: list[uuid.UUID] = field(default_factory=list)
    unreadable: dict[uuid.UUID, str] = field(default_factory=dict)
    is_last: bool = False
    rows_moved: bool = False
    leaves_interrupted: bool = False
    is_counted: bool = True
    latest: datetime | None = None
    marking: list[uuid.UUID] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Return whether the claim has any row."""
        return bool(self.notifications or self.keys)

    @property
    def was_interrupted(self) -> bool:
        """Whether the rows were claimed before, by runs that died: such rows go alone."""
        return any(row.interruptions > 1 for row in self.notifications)

    def rows(self, ids: Iterable[uuid.UUID]) -> NotificationQuerySet:
        """Return the rows with these keys that the claim still has.

        Args:
            ids: The keys.
        """
        return Notification.objects.using(self.using).filter(
            Among("id", ids), claim_token=self.token
        )

    def deliverable(self, ids: Iterable[uuid.UUID], at: datetime) -> NotificationQuerySet:
        """Return the rows with these keys that are still claimed, and may be sent at a moment.

        Args:
            ids: The keys.
            at: The moment.
        """
        rows = self.rows(ids).deliverable()
        # Negated, because no index serves a negation: so the rows are read by their keys.
        return rows.exclude(scheduled_delivery__gt=at).exclude(expires_at__lte=at)

    def renew(self, ids: Iterable[uuid.UUID], lease_seconds: float) -> None:
        """Renew the lease of the rows with these keys.

        Args:
            ids: The keys; rows no longer claimed are left alone.
            lease_seconds: The length of the new lease.
        """
        rows = self.rows(ids)
        patiently(lambda: rows.update(claimed_until=lease_end(lease_seconds)), using=self.using)

    def release(self, ids: Iterable[uuid.UUID]) -> int:
        """Release the rows with these keys unchanged; return how many were still claimed.

        Args:
            ids: The keys.
        """
        rows = self.rows(ids)
        return patiently(lambda: rows.update(**self._released_values()), using=self.using)

    def release_unanswered(self) -> None:
        """Release rows after a commit without an answer, before more rows are claimed.

        If the commit succeeded, no run would deliver the rows before the lease ends.
        """
        unanswered, self.marking = self.marking, []
        if unanswered:
            self.release(unanswered)

    def send_home(self, ids: Iterable[uuid.UUID]) -> None:
        """Release the rows with these keys without a target: their record was moved to another.

        Args:
            ids: The keys.
        """
        rows = self.rows(ids)
        patiently(lambda: rows.update(**self._released_values(), target=None), using=self.using)

    def _released_values(self) -> dict[str, Any]:
        values: dict[str, Any] = {"claim_token": None, "claimed_until": None}
        if self.is_counted:
            values["interruptions"] = F("interruptions") - 1
        return values


def lease_end(lease_seconds: float) -> Any:
    """Return the end of a lease from now on, as an expression.

    By the database's clock: the hosts need not agree on the time.

    Args:
        lease_seconds: The lease's length in seconds.
    """
    return ExpressionWrapper(
        DatabaseNow() + timedelta(seconds=lease_seconds), output_field=DateTimeField()
    )
