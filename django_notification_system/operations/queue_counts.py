"""The queries behind the state of the queue, none of which reads all that is done with.

What waits is counted through the index over target, status and time. Of what has ended only the
latest are read, by the time at which they were due: a run takes the oldest first, so those due
last are those attempted last. A row without a target was made without one and was never claimed,
or was sent outside a run: it counts for its record's target.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Max, Min, Q

from ..models import Notification
from ..models.database_now import DatabaseNow

#: How many deliveries of a target are looked at, the latest.
DELIVERIES_LOOKED_AT = 50_000
#: The same of each status that is no delivery; these are read, not only counted.
OTHERS_LOOKED_AT = 5_000


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
    """A notification that has been attempted since some moment.

    Attributes:
        target_id: The target's key.
        response: What was said of it.
    """

    target_id: Any
    response: str


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


def count_waiting(target_ids: Sequence[Any], at: datetime, *, using: str) -> Iterator[Waiting]:
    """Yield how many wait, by target and status."""
    pending = Notification.objects.using(using).pending()
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


def count_deliveries(target_id: Any, since: datetime, *, using: str) -> tuple[int, bool]:
    """Return how many of a target were delivered since a moment, and whether it may be more."""
    latest = (
        Notification.objects.using(using)
        .filter(target=target_id, status=Notification.DELIVERED)
        .order_by("-scheduled_delivery")[:DELIVERIES_LOOKED_AT]
    )
    found = latest.aggregate(
        delivered=Count("attempted_delivery", filter=Q(attempted_delivery__gte=since)),
        looked_at=Count("*"),
        oldest=Min("scheduled_delivery"),
    )
    is_cut = found["looked_at"] == DELIVERIES_LOOKED_AT and found["oldest"] >= since
    return found["delivered"], is_cut


def attempted_since(
    status: str, target_id: Any, since: datetime, *, using: str
) -> tuple[list[Attempted], bool]:
    """Return those of a target and status attempted since a moment, and whether it may be more.

    Args:
        status: What they are now.
        target_id: The target's key; ``None``: those without one, each with its record's.
        since: The moment.
        using: The database's alias.
    """
    of_target = F("target_user_record__target" if target_id is None else "target")
    latest = list(
        Notification.objects.using(using)
        .filter(target=target_id, status=status)
        .order_by("-scheduled_delivery")
        .values_list("attempted_delivery", "scheduled_delivery", of_target, "response")[
            :OTHERS_LOOKED_AT
        ]
    )
    found = [
        Attempted(target_id, response)
        for attempted, _, target_id, response in latest
        if attempted is not None and attempted >= since
    ]
    return found, len(latest) == OTHERS_LOOKED_AT and latest[-1][1] >= since


def held_claims(target_ids: Sequence[Any], at: datetime, *, using: str) -> Iterator[Held]:
    """Yield what workers hold, the claim that ends first before the others of its target."""
    claims = (
        Notification.objects.using(using)
        .pending()
        .filter(
            target__in=target_ids,
            scheduled_delivery__lte=at,
            claim_token__isnull=False,
            claimed_until__gte=DatabaseNow(),
        )
        .values("claim_token", "target")
        .annotate(rows=Count("*"), until=Max("claimed_until"))
        .order_by("target", "until")
    )
    for row in claims:
        yield Held(row["claim_token"], row["target"], row["rows"], row["until"])
