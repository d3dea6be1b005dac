"""Removing the texts of delivered notifications, in batches, and leaving the rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ..conf import engine_settings
from ..database import patiently
from ..models import Notification, NotificationAttachment, NotificationTarget
from ..models.notification_queryset import NotificationQuerySet
from ..models.reserved import REMOVED


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
        rows = (
            Notification.objects.using(self.using)
            .filter(status=Notification.DELIVERED, attempted_delivery__lt=self.before)
            .filter(Q(extra__isnull=True) | ~Q(extra__has_key=REMOVED))
            .unclaimed()
        )
        return rows if self.targets is None else rows.filter(target__in=self.targets)

    def run(self, batch_size: int) -> Iterator[int]:
        """Remove body, ``extra`` and attachments, the oldest first; yield the number of each batch.

        Args:
            batch_size: Number of notifications in a batch.
        """
        since: datetime | None = None
        while True:
            last, removed = patiently(partial(self._batch, batch_size, since), using=self.using)
            if last is None:
                return
            since = last
            yield removed

    def _batch(self, size: int, since: datetime | None) -> tuple[datetime | None, int]:
        rows = self.rows().order_by("attempted_delivery")
        if since is not None:
            rows = rows.filter(attempted_delivery__gte=since)
        found = list(rows.values_list("attempted_delivery", "pk")[:size])
        if not found:
            return None, 0
        keys = [key for _, key in found]
        with transaction.atomic(using=self.using):
            # Rows may have been claimed, to be sent again, since the query.
            removed = (
                self.rows()
                .filter(pk__in=keys)
                .update(body="", extra={REMOVED: True}, has_attachments=False)
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
