"""The state of the queue: its depth, its speed, the causes of failures, the workers."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from ...delivery.claims.pause import is_paused
from ...delivery.handlers.redirect import is_blocked
from ...models import Notification, NotificationTarget
from ...models.notification_queryset import NotificationQuerySet
from .causes import cause
from .counts import (
    CLAIMS_AMONG,
    FAILED_STATUSES,
    claimed_rows,
    count_attempted,
    count_waiting,
    counted_since,
    latest_failures,
    latest_skipped,
)

#: The number of reported causes, the most frequent first.
CAUSES_TOLD = 10
LAST_HOUR = timedelta(hours=1)


@dataclass
class TargetStatus:
    """A target's waiting notifications, and its results in the last hour.

    Attributes:
        target: The target.
        due: Number of notifications due now.
        due_retries: Number of due notifications that have failed before.
        scheduled_later: Number of notifications scheduled for later.
        retrying: Number of failed notifications with a later retry.
        oldest_due: The due time of the oldest due notification.
        delivered: Number of notifications delivered in the last hour.
        failed: Number of final failures in the last hour.
        failed_for_now: Number of failures in the last hour with a retry.
        at_least: Whether the numbers may be too low, because only the latest attempts are counted.
        blocked: Whether nothing is sent because the redirect has no address for the target.
    """

    target: NotificationTarget
    due: int = 0
    due_retries: int = 0
    scheduled_later: int = 0
    retrying: int = 0
    oldest_due: datetime | None = None
    delivered: int = 0
    failed: int = 0
    failed_for_now: int = 0
    at_least: bool = False
    blocked: bool = False


@dataclass(frozen=True)
class Cause:
    """Why notifications failed, or were not sent, in the last hour.

    Attributes:
        target: The target's name.
        text: The response, without the parts that vary by message.
        notifications: Number of notifications.
    """

    target: str
    text: str
    notifications: int


@dataclass(frozen=True)
class WorkerHolds:
    """A worker's claim: a batch of one target.

    Attributes:
        token: The token that marks the rows.
        target: The target's name.
        notifications: Number of claimed rows.
        claimed_until: The end of the claim, by the database's clock.
    """

    token: uuid.UUID | None
    target: str
    notifications: int
    claimed_until: datetime


@dataclass(frozen=True)
class QueueStatus:
    """The state of the queue at a moment.

    Attributes:
        at: The moment.
        failures_since: The beginning of the span whose failures ``causes`` counts.
        using: The database's alias.
        targets: The state of each target.
        causes: Why notifications failed in the last hour, the most frequent first.
        not_sent: Why notifications that came due in the last hour ended without an attempt.
        claims: The workers' claims.
    """

    at: datetime
    failures_since: datetime
    using: str
    targets: list[TargetStatus]
    causes: list[Cause]
    not_sent: list[Cause]
    claims: list[WorkerHolds]


@dataclass(frozen=True)
class Overdue:
    """A target with a notification that has been due for too long.

    Attributes:
        target: The target's name.
        oldest_due: When the oldest was due.
        age: The time since the oldest was due.
    """

    target: str
    oldest_due: datetime
    age: timedelta


def queue_status(
    targets: Sequence[NotificationTarget],
    *,
    using: str,
    claims_among: int = CLAIMS_AMONG,
    among: NotificationQuerySet | None = None,
) -> QueueStatus:
    """Return the state of the queue now.

    Args:
        targets: The reported targets.
        claims_among: Number of first due rows, for each target and pending status, among which
            claimed rows are sought.
        using: The database's alias.
        among: The reported notifications; by default all.
    """
    at = timezone.now()
    statuses = {target.pk: TargetStatus(target, blocked=is_blocked(target)) for target in targets}
    for waiting in count_waiting(list(statuses), at, using=using, among=among):
        status = statuses[waiting.target_id]
        status.due += waiting.due
        if waiting.status == Notification.RETRY:
            status.due_retries += waiting.due
            status.retrying += waiting.later
        else:
            status.scheduled_later += waiting.later
        if waiting.due:
            status.oldest_due = min(status.oldest_due or waiting.oldest, waiting.oldest)
    since = _counted_from(statuses, at - LAST_HOUR, using, among)
    causes = _count_attempts(statuses, since, at, using, among)
    return QueueStatus(
        at=at,
        failures_since=since,
        using=using,
        targets=list(statuses.values()),
        causes=_most_common(causes),
        not_sent=_most_common(_count_skipped(statuses, at - LAST_HOUR, at, using, among)),
        claims=[
            WorkerHolds(
                claim.token, statuses[claim.target_id].target.name, claim.notifications, claim.until
            )
            for claim in claimed_rows(
                list(statuses), at, rows_read=claims_among, using=using, among=among
            )
        ],
    )


def _most_common(causes: Counter[tuple[str, str]]) -> list[Cause]:
    return [
        Cause(target, text, number) for (target, text), number in causes.most_common(CAUSES_TOLD)
    ]


def _count_skipped(
    statuses: dict[uuid.UUID, TargetStatus],
    since: datetime,
    until: datetime,
    using: str,
    among: NotificationQuerySet | None,
) -> Counter[tuple[str, str]]:
    """Count the notifications that ended without an attempt, by target and reason."""
    return Counter(
        (statuses[target_id].target.name, cause(response))
        for target_id, response in latest_skipped(since, until, using=using, among=among)
        if target_id in statuses
    )


def overdue(
    targets: Sequence[NotificationTarget], max_age: timedelta, *, using: str
) -> list[Overdue]:
    """Return the targets with notifications due for too long, the worst first.

    Paused and blocked targets are left out: their waiting notifications are no news.

    Args:
        targets: The checked targets.
        max_age: The longest time that a notification may be due.
        using: The database's alias.
    """
    at = timezone.now()
    checked = {
        target.pk: target.name
        for target in targets
        if not is_paused(target, at=at) and not is_blocked(target)
    }
    oldest: dict[uuid.UUID, datetime] = {}
    # A count, although the first row would do: to find the first row, a database with late
    # statistics might scan all ended rows in the order of time.
    for waiting in count_waiting(list(checked), at - max_age, using=using):
        if waiting.due:
            known = oldest.get(waiting.target_id, waiting.oldest)
            oldest[waiting.target_id] = min(known, waiting.oldest)
    found = [Overdue(checked[key], moment, at - moment) for key, moment in oldest.items()]
    return sorted(found, key=lambda each: each.age, reverse=True)


def _counted_from(
    statuses: dict[uuid.UUID, TargetStatus],
    since: datetime,
    using: str,
    among: NotificationQuerySet | None,
) -> datetime:
    later = counted_since(since, using=using, among=among)
    if later is None:
        return since
    for status in statuses.values():
        status.at_least = True
    return later


def _count_attempts(
    statuses: dict[uuid.UUID, TargetStatus],
    since: datetime,
    until: datetime,
    using: str,
    among: NotificationQuerySet | None,
) -> Counter[tuple[str, str]]:
    """Count the attempts between two moments, and return the causes of failures."""
    for attempted in count_attempted(since, until, using=using, among=among):
        if attempted.target_id not in statuses:
            continue
        status = statuses[attempted.target_id]
        if attempted.status == Notification.DELIVERED:
            status.delivered += attempted.notifications
        elif attempted.status == Notification.RETRY:
            status.failed_for_now += attempted.notifications
        elif attempted.status in FAILED_STATUSES:
            status.failed += attempted.notifications
    return Counter(
        (statuses[target_id].target.name, cause(response))
        for _key, target_id, response in latest_failures(since, until, using=using, among=among)
        if target_id in statuses
    )
