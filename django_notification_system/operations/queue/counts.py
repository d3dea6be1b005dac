"""The queries behind the state of the queue, none of which reads all that is done with.

What waits is counted through the index over target, status and time; what was attempted, through
the one over the time of the attempt. A row without a target was made without one and was never
claimed, or was sent outside a run: it counts for its record's target.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, F, Max, Min, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from ...models import Notification, NotificationTarget
from ...models.expressions import DatabaseNow
from ...models.notification import NotificationQuerySet

#: How many attempts are counted, the latest.
ATTEMPTS_COUNTED = 100_000
#: Of how many failures it is read what was said of them, the latest.
FAILURES_READ = 5_000
#: Among how many, of each target and pending status those that were due first, it is looked for
#: what workers hold: twenty batches, as they are by default.
HELD_AMONG = 10_000
#: What an attempt may end in, but for a delivery.
FAILED_STATUSES = (
    Notification.DELIVERY_FAILURE,
    Notification.EXPIRED,
    Notification.INACTIVE_DEVICE,
    Notification.OPTED_OUT,
)


@dataclass(frozen=True)
class Waiting:
    """Notifications of one target and one pending status.

    Attributes:
        target_id: The target's key.
        status: The status.
        due: How many are due.
        later: How many are not yet.
        oldest: When the first of all was or is due.
    """

    target_id: Any
    status: str
    due: int
    later: int
    oldest: datetime


@dataclass(frozen=True)
class Attempted:
    """Notifications of one target that were last attempted since some moment.

    Attributes:
        target_id: The target's key.
        status: Their status now.
        notifications: How many.
    """

    target_id: Any
    status: str
    notifications: int


@dataclass(frozen=True)
class Held:
    """What one claim holds.

    Attributes:
        token: What marks its rows.
        target_id: The target's key.
        notifications: How many.
        until: When it ends, by the database's clock.
    """

    token: uuid.UUID | None
    target_id: Any
    notifications: int
    until: datetime


def count_waiting(
    target_ids: Sequence[Any],
    at: datetime,
    *,
    using: str,
    among: NotificationQuerySet | None = None,
) -> Iterator[Waiting]:
    """Yield how many wait, by target and status.

    Args:
        target_ids: The targets' keys.
        at: By when a notification is due.
        using: The database's alias.
        among: The notifications to count; by default all.
    """
    pending = _notifications(among, using).pending()
    is_due = Q(scheduled_delivery__lte=at)
    for rows, target in (
        (pending.filter(target__in=target_ids), F("target")),
        (
            pending.filter(target=None, target_user_record__target__in=target_ids),
            F("target_user_record__target"),
        ),
    ):
        counted = (
            rows.values("status", of_target=target)
            .annotate(
                due=Count("scheduled_delivery", filter=is_due),
                later=Count("scheduled_delivery", filter=~is_due),
                oldest=Min("scheduled_delivery"),
            )
            .order_by()
        )
        for row in counted:
            yield Waiting(row["of_target"], row["status"], row["due"], row["later"], row["oldest"])


def counted_since(
    since: datetime, *, using: str, among: NotificationQuerySet | None = None
) -> datetime | None:
    """Return a later moment, where more was attempted since this one than is counted."""
    attempted = _notifications(among, using).filter(attempted_delivery__gte=since)
    moments = attempted.order_by("-attempted_delivery").values_list("attempted_delivery", flat=True)
    found = list(moments[ATTEMPTS_COUNTED - 1 : ATTEMPTS_COUNTED + 1])
    return found[0] if len(found) > 1 else None


def count_attempted(
    since: datetime, until: datetime, *, using: str, among: NotificationQuerySet | None = None
) -> Iterator[Attempted]:
    """Yield how many were last attempted between two moments, by target and status."""
    rows = (
        _notifications(among, using)
        # Without an end, SQLite takes it for most of the table, and reads another index whole.
        .filter(attempted_delivery__gte=since, attempted_delivery__lte=until)
        .order_by()
    )
    has_orphans = False
    # Counted by the star, for which the index suffices.
    for target_id, status, number in rows.values_list("target", "status").annotate(n=Count("*")):
        if target_id is None:
            has_orphans = True
        else:
            yield Attempted(target_id, status, number)
    if has_orphans:
        orphans = rows.filter(target=None)
        of_record = orphans.values_list("target_user_record__target", "status")
        for target_id, status, number in of_record.annotate(n=Count("*")):
            yield Attempted(target_id, status, number)


def latest_failures(
    since: datetime, *, using: str, among: NotificationQuerySet | None = None
) -> list[tuple[Any, str]]:
    """Return target and response of what failed since a moment, for good or for now."""
    rows = (
        _notifications(among, using)
        .filter(attempted_delivery__gte=since, status__in=(*FAILED_STATUSES, Notification.RETRY))
        .order_by("-attempted_delivery")
    )
    target = Coalesce("target", "target_user_record__target")
    return list(rows.values_list(target, "response")[:FAILURES_READ])


def held_claims(
    target_ids: Sequence[Any],
    at: datetime,
    *,
    looked_at: int = HELD_AMONG,
    using: str,
    among: NotificationQuerySet | None = None,
) -> Iterator[Held]:
    """Yield what workers hold, the claim that ends first before the others of its target.

    Args:
        target_ids: The targets' keys.
        at: What is due by then can be held.
        looked_at: How many rows of each target and pending status are looked at. A claim takes
            those that were due first, so it is among these.
        using: The database's alias.
        among: The notifications to count; by default all.
    """
    claims = (
        _notifications(among, using)
        .filter(
            _due_first(target_ids, at, looked_at, using),
            claim_token__isnull=False,
            claimed_until__gte=DatabaseNow(),
        )
        .values("claim_token", "target")
        .annotate(rows=Count("*"), until=Max("claimed_until"))
        .order_by("target", "until")
    )
    for row in claims:
        yield Held(row["claim_token"], row["target"], row["rows"], row["until"])


def _notifications(among: NotificationQuerySet | None, using: str) -> NotificationQuerySet:
    return Notification.objects.using(using) if among is None else among


def _due_first(target_ids: Sequence[Any], at: datetime, number: int, using: str) -> Q:
    """Return the condition that a row is among so many that were due first."""
    last_moments = {
        status: Subquery(
            Notification.objects.filter(
                target=OuterRef("pk"), status=status, scheduled_delivery__lte=at
            )
            .order_by("scheduled_delivery")
            .values("scheduled_delivery")[number - 1 : number]
        )
        for status in Notification.PENDING_STATUSES
    }
    targets = NotificationTarget.objects.using(using).filter(pk__in=target_ids)
    found = targets.annotate(**last_moments).values_list("pk", *last_moments)
    # One for each target and status: for "up to these moments" a database reads all that is due.
    ranges = [
        Q(target=target_id, status=status, scheduled_delivery__lte=moment or at)
        for target_id, *moments in found
        for status, moment in zip(last_moments, moments, strict=True)
    ]
    return reduce(or_, ranges, Q(pk__in=[]))
