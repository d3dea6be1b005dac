"""Due rows, and the targets with due rows, before any claim."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from django.db.models import OuterRef, Q, Subquery
from django.db.models.lookups import IsNull

from ...database import patiently
from ...models import Notification, NotificationTarget, TargetUserRecord
from ...models.notification_queryset import NotificationQuerySet
from .levels import with_highest_priority

#: How many rows without a target get their target in one statement.
ADOPTED_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class Due:
    """A target and a moment: the question for due rows.

    Attributes:
        target: The target, or a reference to its key in an outer query.
        due_by: The latest ``scheduled_delivery``.
        retries_due_by: The latest ``scheduled_delivery`` of retries; ``None``: ``due_by``.
        using: The database's alias.
    """

    target: Any
    due_by: datetime
    retries_due_by: datetime | None = None
    using: str

    def until(self, moment: datetime) -> Self:
        """Return the same question for an earlier moment.

        Args:
            moment: The earlier moment.
        """
        retries_due_by = min(self.retries_due_by or self.due_by, moment)
        return replace(self, due_by=min(self.due_by, moment), retries_due_by=retries_due_by)


#: Returns some kind of due rows, the oldest first: a queryset for each pending status.
RowsOf = Callable[[Due], list[NotificationQuerySet]]


def targets_with_due(
    targets: Sequence[NotificationTarget],
    due_by: datetime,
    *,
    using: str,
    is_stopping: Callable[[], bool] = lambda: False,
) -> list[NotificationTarget]:
    """Return the targets with due and free rows, read anew, in one query.

    The query also reads the highest priority of every target's pending rows.

    Args:
        targets: The targets in question.
        due_by: The latest ``scheduled_delivery``.
        using: The database's alias.
        is_stopping: Returns whether to end early.
    """
    adopt(due_by, using=using, is_stopping=is_stopping)
    keys = [target.pk for target in targets]
    is_due = Q()
    for rows in free_rows(Due(target=OuterRef("pk"), due_by=due_by, using=using)):
        # Ordered: without ORDER BY, PostgreSQL scans the table from its start, expecting an early
        # hit, and MariaDB first gathers the due rows of all targets.
        first = Subquery(rows.values("scheduled_delivery")[:1])
        is_due |= Q(IsNull(first, False))
    with_due = NotificationTarget.objects.using(using).filter(is_due, pk__in=keys)
    found = with_highest_priority(with_due, using=using)
    current = {target.pk: target for target in patiently(lambda: list(found), using=using)}
    return [current[target.pk] for target in targets if target.pk in current]


def all_rows(due: Due) -> list[NotificationQuerySet]:
    """Return due rows, claimed or not, the oldest first: a queryset for each pending status.

    Such a queryset reads an index in order and stops when it has enough rows; a single queryset for
    both statuses would sort all due rows, again for every batch.

    Args:
        due: The question: the target, and the moment up to which rows are due.
    """
    until = {Notification.RETRY: due.retries_due_by or due.due_by}
    return [
        Notification.objects.using(due.using)
        .filter(
            target=due.target,
            status=status,
            scheduled_delivery__lte=until.get(status, due.due_by),
        )
        .order_by("scheduled_delivery")
        for status in Notification.PENDING_STATUSES
    ]


def free_rows(due: Due) -> list[NotificationQuerySet]:
    """Return due rows that no run has claimed, like ``all_rows()``.

    Args:
        due: The question.
    """
    return [of_status.unclaimed() for of_status in all_rows(due)]


def adopt(due_by: datetime, *, using: str, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Give due rows their target, where code without the column has made the rows.

    Args:
        due_by: The latest ``scheduled_delivery``.
        using: The database's alias.
        is_stopping: Returns whether to end early: after an upgrade there may be a million such
            rows.
    """
    orphans = (
        Notification.objects.using(using)
        # Where the record is gone, against the constraint, the row gets no target.
        .filter(target=None, target_user_record__target__isnull=False)
        .due(due_by)
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
    """Return the first moment in a span when a row of any of the targets comes due.

    Args:
        moment: The span begins after this moment.
        until: The span's last moment.
        targets: The targets in question.
        using: The database's alias.
    """
    found = next_of_targets(moment, targets, until=until, using=using)
    return min((first for _, by_status in found for first in by_status.values()), default=None)


def next_of_targets(
    moment: datetime,
    targets: Sequence[NotificationTarget],
    *,
    until: datetime | None = None,
    using: str,
) -> list[tuple[Any, dict[str, datetime]]]:
    """Return the next moments when rows come due, by target and status; in one query.

    The query reads one row of the index for a target and status, however many rows wait.

    Args:
        moment: Only later moments count.
        targets: The targets in question.
        until: The latest moment that counts; ``None``: any.
        using: The database's alias.

    Returns:
        The keys of targets with waiting rows, and by status the first moment.
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
