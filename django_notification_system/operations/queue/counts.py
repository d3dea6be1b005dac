"""The queries for the queue's state; none reads all notifications that have ended.

Waiting rows are counted through the index over target, status and time; attempted rows, through the
index over the time of the attempt. A row without a target was made without one and was never
claimed, or was sent outside a run: the row counts for its record's target.
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
from ...models.expressions import DatabaseNow, by_local_clock
from ...models.notification_queryset import NotificationQuerySet
from ...models.statuses import ENDED_IN_ERROR

#: The number of counted attempts, the latest first.
ATTEMPTS_COUNTED = 100_000
#: The number of failures whose responses are read, the latest first.
FAILURES_READ = 5_000
#: Claimed rows are sought among the first due rows, at most this number for each target and pending
#: status: twenty batches of the default size.
CLAIMS_AMONG = 10_000
#: The final statuses of an attempt without a delivery.
FAILED_STATUSES = (*ENDED_IN_ERROR, Notification.OPTED_OUT)
#: The final statuses of a notification that a run has not tried to send.
SKIPPED_STATUSES = (Notification.EXPIRED, Notification.INACTIVE_DEVICE, Notification.OPTED_OUT)


@dataclass(frozen=True)
class Waiting:
    """Waiting notifications of one target with one pending status.

    Attributes:
        target_id: The target's key.
        status: The status.
        due: Number of due notifications.
        later: Number of notifications due later.
        oldest: The earliest due time of all.
    """

    target_id: Any
    status: str
    due: int
    later: int
    oldest: datetime


@dataclass(frozen=True)
class Attempted:
    """Notifications of one target whose last attempt lies in a span of time.

    Attributes:
        target_id: The target's key.
        status: The notifications' status now.
        notifications: Number of notifications.
    """

    target_id: Any
    status: str
    notifications: int


@dataclass(frozen=True)
class ClaimedRows:
    """The rows of one claim.

    Attributes:
        token: The token that marks the rows.
        target_id: The target's key.
        notifications: Number of claimed rows.
        until: The end of the claim, by the database's clock.
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
    since: datetime,
    *,
    most: int | None = None,
    using: str,
    among: NotificationQuerySet | None = None,
) -> datetime | None:
    """Return a later moment if more attempts follow this moment than are counted, else ``None``.

    Args:
        since: The moment.
        most: The number of counted attempts, the latest first; by default 100,000.
        using: The database's alias.
        among: The notifications to count; by default all.
    """
    most = most or ATTEMPTS_COUNTED
    attempted = _notifications(among, using).filter(attempted_delivery__gte=since)
    moments = attempted.order_by("-attempted_delivery").values_list("attempted_delivery", flat=True)
    found = list(moments[most - 1 : most + 1])
    return found[0] if len(found) > 1 else None


def count_attempted(
    since: datetime, until: datetime, *, using: str, among: NotificationQuerySet | None = None
) -> Iterator[Attempted]:
    """Yield how many were last attempted between two moments, by target and status.

    Args:
        since: The first moment.
        until: The last moment.
        using: The database's alias.
        among: The notifications to count; by default all.
    """
    rows = (
        _notifications(among, using)
        # Without an upper bound, SQLite expects most of the table and reads another index whole.
        .filter(attempted_delivery__gte=since, attempted_delivery__lte=until)
        .order_by()
    )
    has_orphans = False
    # Count("*") needs only the index.
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
    since: datetime, until: datetime, *, using: str, among: NotificationQuerySet | None = None
) -> list[tuple[uuid.UUID, Any, str]]:
    """Return key, target and response of the failures in a span of time, final or not.

    Args:
        since: The first moment.
        until: The last moment.
        using: The database's alias.
        among: The notifications to read; by default all.
    """
    rows = (
        _notifications(among, using)
        .filter(
            attempted_delivery__gte=since,
            attempted_delivery__lte=until,
            status__in=(*FAILED_STATUSES, Notification.RETRY),
        )
        .order_by("-attempted_delivery")
    )
    target = Coalesce("target", "target_user_record__target")
    return list(rows.values_list("pk", target, "response")[:FAILURES_READ])


def latest_skipped(
    since: datetime, until: datetime, *, using: str, among: NotificationQuerySet | None = None
) -> Iterator[tuple[Any, str]]:
    """Yield target and response of notifications that ended without an attempt, the latest first.

    Args:
        since: Only rows due after this moment.
        until: Only rows due by this moment.
        using: The database's alias.
        among: The notifications to read; by default all.
    """
    rows = (
        _notifications(among, using)
        .filter(
            scheduled_delivery__gt=since,
            scheduled_delivery__lte=until,
            attempted_delivery__isnull=True,
        )
        .exclude(response="")
        .order_by("-scheduled_delivery")
    )
    target = Coalesce("target", "target_user_record__target")
    # One after another: the index gives the latest rows of a status, and not of several.
    for status in SKIPPED_STATUSES:
        yield from rows.filter(status=status).values_list(target, "response")[:FAILURES_READ]


def claimed_rows(
    target_ids: Sequence[Any],
    at: datetime,
    *,
    rows_read: int = CLAIMS_AMONG,
    using: str,
    among: NotificationQuerySet | None = None,
) -> Iterator[ClaimedRows]:
    """Yield the workers' claims, a target's claims in the order of their ends.

    Args:
        target_ids: The targets' keys.
        at: Only rows due by this moment can be claimed.
        rows_read: Number of rows read for each target and pending status. A claim takes the first
            due rows, so claimed rows are among these.
        using: The database's alias.
        among: The notifications to count; by default all.
    """
    claims = (
        _notifications(among, using)
        .filter(
            _due_first(target_ids, at, rows_read, using),
            claim_token__isnull=False,
            claimed_until__gte=DatabaseNow(),
        )
        .values("claim_token", "target")
        .annotate(rows=Count("*"), until=Max("claimed_until"))
        .order_by("target", "until")
    )
    for row in claims:
        until = by_local_clock(row["until"], using=using)
        assert until is not None  # noqa: S101 # the condition of the rows
        yield ClaimedRows(row["claim_token"], row["target"], row["rows"], until)


def _notifications(among: NotificationQuerySet | None, using: str) -> NotificationQuerySet:
    return Notification.objects.using(using) if among is None else among


def _due_first(target_ids: Sequence[Any], at: datetime, number: int, using: str) -> Q:
    """Return a condition: the row is among the first due rows, up to a number."""
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
    # One range for each target and status: for "up to these moments", a database reads all due
    # rows.
    ranges = [
        Q(target=target_id, status=status, scheduled_delivery__lte=moment or at)
        for target_id, *moments in found
        for status, moment in zip(last_moments, moments, strict=True)
    ]
    return reduce(or_, ranges, Q(pk__in=[]))
