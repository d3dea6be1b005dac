"""What is due, and for which targets, before anything is claimed."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, Subquery
from django.db.models.lookups import IsNull

from ...database import patiently
from ...models import Notification, NotificationTarget, TargetUserRecord
from ...models.notification import NotificationQuerySet
from .levels import with_highest_priority

#: How many rows without a target are given one in one statement.
ADOPTED_AT_ONCE = 1000


def targets_with_due(
    targets: Sequence[NotificationTarget],
    due_at: datetime,
    *,
    using: str,
    is_stopping: Callable[[], bool] = lambda: False,
) -> list[NotificationTarget]:
    """Return the targets, as they are now, for which something is due and free; in one query.

    The highest priority of what waits for each is read with it.
    """
    adopt(due_at, using=using, is_stopping=is_stopping)
    keys = [target.pk for target in targets]
    is_due = Q()
    for rows in due_of_target(OuterRef("pk"), due_at, using=using):
        # The first in order: of any one, PostgreSQL thinks that the table's beginning has it, and
        # MariaDB would first gather all that is due for anybody.
        first = Subquery(rows.values("scheduled_delivery")[:1])
        is_due |= Q(IsNull(first, False))
    with_due = NotificationTarget.objects.using(using).filter(is_due, pk__in=keys)
    found = with_highest_priority(with_due, using=using)
    current = {target.pk: target for target in patiently(lambda: list(found), using=using)}
    return [current[target.pk] for target in targets if target.pk in current]


def due_of_target(
    target: Any, due_at: datetime, *, using: str, retries_due_at: datetime | None = None
) -> list[NotificationQuerySet]:
    """Return what is due and free for a target, the oldest first: a queryset for each status.

    Each reads the index in order and stops when it has enough; one for both would sort all that is
    due, again for every batch.

    Args:
        target: Whose.
        due_at: The latest ``scheduled_delivery``.
        using: The database's alias.
        retries_due_at: The same of what has failed before, where it is another.
    """
    rows = free_or_not(target, due_at, using=using, retries_due_at=retries_due_at)
    return [of_status.unclaimed() for of_status in rows]


def free_or_not(
    target: Any, due_at: datetime, *, using: str, retries_due_at: datetime | None = None
) -> list[NotificationQuerySet]:
    """Return what is due for a target in the same manner, with what is claimed."""
    until = {Notification.RETRY: retries_due_at or due_at}
    return [
        Notification.objects.using(using)
        .filter(target=target, status=status, scheduled_delivery__lte=until.get(status, due_at))
        .order_by("scheduled_delivery")
        for status in Notification.PENDING_STATUSES
    ]


def adopt(due_at: datetime, *, using: str, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Give those that are due a target, where they were made without.

    Args:
        due_at: The latest ``scheduled_delivery``.
        using: The database's alias.
        is_stopping: Tells whether to come to an end: after an upgrade there may be a million.
    """
    orphans = (
        Notification.objects.using(using)
        # Where the record is gone, against the constraint, there is no target to be had.
        .filter(target=None, target_user_record__target__isnull=False)
        .due(due_at)
        .values_list("pk", flat=True)[:ADOPTED_AT_ONCE]
    )
    target = TargetUserRecord.objects.filter(pk=OuterRef("target_user_record")).values("target")

    def adopt_some() -> int:
        rows = Notification.objects.using(using).filter(pk__in=list(orphans.all()))
        return rows.update(target=Subquery(target))

    while not is_stopping() and patiently(adopt_some, using=using):
        pass


def next_due_after(
    moment: datetime, until: datetime, targets: Sequence[NotificationTarget], *, using: str
) -> datetime | None:
    """Return the first moment in a span at which something comes due for one of the targets."""
    found = next_of_targets(moment, targets, until=until, using=using)
    return min((first for _, by_status in found for first in by_status.values()), default=None)


def next_of_targets(
    moment: datetime,
    targets: Sequence[NotificationTarget],
    *,
    until: datetime | None = None,
    using: str,
) -> list[tuple[Any, dict[str, datetime]]]:
    """Return when something next comes due for each target, by its status; in one query.

    It reads one row of the index for each target and status, however many wait.

    Args:
        moment: After when.
        targets: Those to look at.
        until: Until when; ``None``: ever.
        using: The database's alias.

    Returns:
        The key of each target for which something waits, and the first moment of each status.
    """
    span = {"scheduled_delivery__gt": moment}
    if until is not None:
        span["scheduled_delivery__lte"] = until
    firsts = {
        f"next_{number}": Subquery(
            Notification.objects.filter(target=OuterRef("pk"), status=status, **span)
            .order_by("scheduled_delivery")
            .values("scheduled_delivery")[:1]
        )
        for number, status in enumerate(Notification.PENDING_STATUSES)
    }
    rows = NotificationTarget.objects.using(using).filter(pk__in=[each.pk for each in targets])
    found = rows.annotate(**firsts).values_list("pk", *firsts)
    by_target = [
        (
            key,
            {
                status: first
                for status, first in zip(Notification.PENDING_STATUSES, moments, strict=True)
                if first is not None
            },
        )
        for key, *moments in found
    ]
    return [(key, by_status) for key, by_status in by_target if by_status]
