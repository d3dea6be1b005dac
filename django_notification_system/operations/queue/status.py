"""The state of the queue: how deep it is, how fast it moves, what fails, who works on it."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from ...delivery.handlers.redirect import is_held
from ...models import Notification, NotificationTarget
from ...models.notification import NotificationQuerySet
from .causes import cause
from .counts import (
    FAILED_STATUSES,
    HELD_AMONG,
    count_attempted,
    count_waiting,
    counted_since,
    held_claims,
    latest_failures,
)

#: How many causes are told, the most frequent.
CAUSES_TOLD = 10
LAST_HOUR = timedelta(hours=1)


@dataclass
class TargetStatus:
    """What waits for a target, and how it fared in the last hour.

    Attributes:
        target: The target.
        due: How many are due now.
        due_retries: How many of these have failed before.
        scheduled_later: How many are scheduled for later.
        retrying: How many have failed and are tried again later.
        oldest_due: When the oldest of those due was due.
        delivered: How many were delivered in the last hour.
        failed: How many failed for good in it.
        failed_for_now: How many failed in it and are tried again.
        at_least: Whether more may have been, as only the latest are counted.
        held: Whether nothing is sent because others have overridden recipients.
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
    held: bool = False


@dataclass(frozen=True)
class Cause:
    """Why notifications failed in the last hour.

    Attributes:
        target: The target's name.
        text: The response, without what differs from message to message.
        notifications: How many.
    """

    target: str
    text: str
    notifications: int


@dataclass(frozen=True)
class HeldClaim:
    """What a worker holds: a batch of one target.

    Attributes:
        token: What marks its rows.
        target: The target's name.
        notifications: How many it holds.
        claimed_until: How long, by the database's clock.
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
        using: The database's alias.
        targets: What waits for each target.
        causes: Why notifications failed in the last hour, the most frequent first.
        claims: What workers hold now.
    """

    at: datetime
    using: str
    targets: list[TargetStatus]
    causes: list[Cause]
    claims: list[HeldClaim]


@dataclass(frozen=True)
class Overdue:
    """A target of which something has been due for too long.

    Attributes:
        target: The target's name.
        oldest_due: When the oldest was due.
        age: For how long that has been.
    """

    target: str
    oldest_due: datetime
    age: timedelta


def is_paused(target: NotificationTarget, at: datetime) -> bool:
    """Tell whether nothing is delivered to a target at a moment."""
    return target.paused_until is not None and target.paused_until > at


def queue_status(
    targets: Sequence[NotificationTarget],
    *,
    using: str,
    held_among: int = HELD_AMONG,
    among: NotificationQuerySet | None = None,
) -> QueueStatus:
    """Return the state of the queue now.

    Args:
        targets: Those to tell of.
        held_among: Among how many, of each target and pending status those that were due first,
            it is looked for what workers hold.
        using: The database's alias.
        among: The notifications to tell of; by default all.
    """
    at = timezone.now()
    statuses = {target.pk: TargetStatus(target, held=is_held(target)) for target in targets}
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
    causes = _count_attempts(statuses, at - LAST_HOUR, at, using, among)
    return QueueStatus(
        at=at,
        using=using,
        targets=list(statuses.values()),
        causes=[
            Cause(target, text, number)
            for (target, text), number in causes.most_common(CAUSES_TOLD)
        ],
        claims=[
            HeldClaim(
                held.token, statuses[held.target_id].target.name, held.notifications, held.until
            )
            for held in held_claims(
                list(statuses), at, looked_at=held_among, using=using, among=among
            )
        ],
    )


def overdue(
    targets: Sequence[NotificationTarget], max_age: timedelta, *, using: str
) -> list[Overdue]:
    """Return the targets of which something has been due for too long, the worst first.

    A target that is paused or held is left out: that its notifications wait is no news.

    Args:
        targets: Those to look at.
        max_age: How long something may be due.
        using: The database's alias.
    """
    at = timezone.now()
    looked_at = {
        target.pk: target.name
        for target in targets
        if not is_paused(target, at) and not is_held(target)
    }
    oldest: dict[uuid.UUID, datetime] = {}
    # Counted, where the first of each would do: to find that, a database whose statistics are late
    # might go through all that is done with, in the order of time.
    for waiting in count_waiting(list(looked_at), at - max_age, using=using):
        if waiting.due:
            known = oldest.get(waiting.target_id, waiting.oldest)
            oldest[waiting.target_id] = min(known, waiting.oldest)
    found = [Overdue(looked_at[key], moment, at - moment) for key, moment in oldest.items()]
    return sorted(found, key=lambda each: each.age, reverse=True)


def _count_attempts(
    statuses: dict[uuid.UUID, TargetStatus],
    since: datetime,
    until: datetime,
    using: str,
    among: NotificationQuerySet | None,
) -> Counter[tuple[str, str]]:
    """Count what was attempted between two moments, and return the causes of what failed."""
    later = counted_since(since, using=using, among=among)
    if later is not None:
        since = later
        for status in statuses.values():
            status.at_least = True
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
        for target_id, response in latest_failures(since, using=using, among=among)
        if target_id in statuses
    )
