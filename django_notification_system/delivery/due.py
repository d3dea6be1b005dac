"""What is due, and for which targets, before anything is claimed."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, Subquery

from ..models import Notification, NotificationTarget, TargetUserRecord
from ..models.notification import NotificationQuerySet
from .database import patiently

#: How many rows without a target are given one in one statement.
ADOPTED_AT_ONCE = 1000


def targets_with_due(
    targets: Sequence[NotificationTarget], due_at: datetime, *, using: str
) -> list[NotificationTarget]:
    """Return the targets for which something is due and free, in one query."""
    _adopt(due_at, using)
    is_due = Q()
    for status in Notification.PENDING_STATUSES:
        # Each reads one entry of the index; both in one would read all that is due.
        is_due |= Q(
            Exists(
                due_of_status(status, due_at, using=using)
                .filter(target=OuterRef("pk"))
                .order_by()
                .values("pk")
            )
        )
    busy = NotificationTarget.objects.using(using).filter(is_due).values_list("pk", flat=True)
    keys = set(patiently(lambda: list(busy), using=using))
    return [target for target in targets if target.pk in keys]


def due_of_status(status: str, due_at: datetime, *, using: str) -> NotificationQuerySet:
    """Return what is due and free of one of the pending statuses, the oldest first."""
    return (
        Notification.objects.using(using)
        .filter(status=status, scheduled_delivery__lte=due_at)
        .unclaimed()
        .order_by("scheduled_delivery")
    )


def _adopt(due_at: datetime, using: str) -> None:
    """Give those that are due a target, where they were made without."""
    orphans = (
        Notification.objects.using(using)
        .filter(target=None)
        .due(due_at)
        .values_list("pk", flat=True)[:ADOPTED_AT_ONCE]
    )
    target = TargetUserRecord.objects.filter(pk=OuterRef("target_user_record")).values("target")

    def adopt_some() -> int:
        rows = Notification.objects.using(using).filter(pk__in=list(orphans.all()))
        return rows.update(target=Subquery(target))

    while patiently(adopt_some, using=using):
        pass
