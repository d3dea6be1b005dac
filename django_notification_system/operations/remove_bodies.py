"""Removing the texts of delivered notifications, in batches, and leaving the rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.utils import timezone

from ..conf import engine_settings
from ..database import patiently
from ..models import Notification, NotificationAttachment, NotificationTarget
from ..models.notification_queryset import NotificationQuerySet
from ..models.reserved import REMOVED

#: The marks in ``extra``: of a removal for all targets, and of one for some.
ALL, SOME = True, False
#: Rows that one query reads in search of the end of the earlier removals.
READ_AT_ONCE = 1000
#: A removal begins so long before that end. A row may be late: the provider's report that a failed
#: message has arrived leaves the row with the moment of the attempt.
OVERLAP = timedelta(days=7)


@dataclass(frozen=True)
class BodyRemoval:
    """The selection of notifications to lose their texts.

    Attributes:
        before: Only notifications delivered before this moment.
        using: The database's alias.
        targets: Only notifications for one of these targets; ``None``: for any target.
    """

    before: datetime
    using: str
    targets: Sequence[NotificationTarget] | None = None

    def rows(self) -> NotificationQuerySet:
        """Return the selected notifications that still have their texts."""
        return (
            self._delivered().filter(Q(extra__isnull=True) | ~Q(extra__has_key=REMOVED)).unclaimed()
        )

    def _delivered(self) -> NotificationQuerySet:
        rows = Notification.objects.using(self.using).filter(
            status=Notification.DELIVERED, attempted_delivery__lt=self.before
        )
        return rows if self.targets is None else rows.filter(target__in=self.targets)

    def run(self, batch_size: int) -> Iterator[int]:
        """Remove body, ``extra`` and attachments, the oldest first; yield the number of each batch.

        Rows older than the end of the earlier removals, less a week, are not read again. So the
        cost follows what was delivered since, and not the table.

        Args:
            batch_size: Number of notifications in a batch.
        """
        since = self._begins_at()
        while True:
            last, removed = patiently(partial(self._batch, batch_size, since), using=self.using)
            if last is None:
                return
            since = last
            yield removed

    def remaining(self) -> NotificationQuerySet:
        """Return the rows that a run would empty."""
        since = self._begins_at()
        return self.rows() if since is None else self.rows().filter(attempted_delivery__gte=since)

    def _begins_at(self) -> datetime | None:
        if self.targets is not None and len(self.targets) > 1:
            return None  # a removal for one of them alone would say nothing of the others
        end = patiently(self._end_of_earlier_removals, using=self.using)
        return None if end is None else end - OVERLAP

    def _end_of_earlier_removals(self) -> datetime | None:
        """Return the moment of the newest of many removed rows in a row; ``None``: there are none.

        Read from the newest row back: an earlier removal began with the oldest row, and may have
        been interrupted. A removal for some targets proves nothing for all.
        """
        mark = Q(extra__has_key=REMOVED) if self.targets else Q(**{f"extra__{REMOVED}": ALL})
        is_removed = ExpressionWrapper(mark, BooleanField())
        rows = self._delivered().order_by("-attempted_delivery").annotate(is_removed=is_removed)
        page = rows
        while True:
            found = list(page.values_list("attempted_delivery", "is_removed")[:READ_AT_ONCE])
            if len(found) < READ_AT_ONCE:
                return None  # the whole table was read: the rest is soon read, too
            if all(removed for _, removed in found):
                return found[0][0]
            page = rows.filter(attempted_delivery__lt=found[-1][0])

    def _batch(self, size: int, since: datetime | None) -> tuple[datetime | None, int]:
        rows = self.rows().order_by("attempted_delivery")
        if since is not None:
            rows = rows.filter(attempted_delivery__gte=since)
        found = list(rows.values_list("attempted_delivery", "pk")[:size])
        if not found:
            return None, 0
        keys = [key for _, key in found]
        mark = ALL if self.targets is None else SOME
        with transaction.atomic(using=self.using):
            # Rows may have been claimed, to be sent again, since the query.
            removed = (
                self.rows()
                .filter(pk__in=keys)
                .update(body="", extra={REMOVED: mark}, has_attachments=False)
            )
            NotificationAttachment.objects.using(self.using).filter(
                notification__in=keys, notification__has_attachments=False
            ).delete()
        return found[-1][0], removed


def body_removal(
    *, using: str, targets: Sequence[NotificationTarget] | None = None
) -> BodyRemoval | None:
    """Return the removal that ``NOTIFICATION_SYSTEM["KEEP_BODIES"]`` asks for, or ``None``.

    Args:
        using: The database's alias.
        targets: Only notifications for one of these targets; ``None``: for any target.
    """
    days = engine_settings().keep_bodies
    if days is None:
        return None
    return BodyRemoval(timezone.now() - timedelta(days=days), using, targets)
