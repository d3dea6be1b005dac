"""Keeping attempts: which, and what is remembered of them."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connections
from django.utils import timezone

from ...conf import engine_settings
from ...models import Notification, NotificationAttempt
from ...outcome import Outcome, OutcomeKind
from ...storable import storable

Kind = NotificationAttempt.Result

KIND_OF_RESULT = {
    OutcomeKind.DELIVERED: Kind.DELIVERED,
    OutcomeKind.RETRY: Kind.RETRY,
    OutcomeKind.FAILED: Kind.FAILED,
    OutcomeKind.UNKNOWN: Kind.UNKNOWN,
}
#: What a handler in the manner of release 1.5.3 has saved; every other status is a failure.
KIND_OF_STATUS = {
    Notification.DELIVERED: Kind.DELIVERED,
    Notification.RETRY: Kind.RETRY,
    Notification.SCHEDULED: Kind.RETRY,
}
#: What ``"failed"`` leaves out.
GOOD_NEWS = frozenset({Kind.DELIVERED, Kind.CONFIRMED})


def attempts_to_keep(outcomes: Iterable[Outcome]) -> list[NotificationAttempt]:
    """Return what the history is to have of these settled outcomes, not yet saved."""
    history = engine_settings().history
    if history == "none":
        return []
    return [
        make_attempt(outcome.notification, kind, _moment(outcome))
        for outcome in outcomes
        if outcome.is_attempt and ((kind := _kind(outcome)) not in GOOD_NEWS or history == "all")
    ]


def is_kept(kind: NotificationAttempt.Result) -> bool:
    """Tell whether the history is to have what is of this kind."""
    history = engine_settings().history
    return history == "all" or (history == "failed" and kind not in GOOD_NEWS)


def make_attempt(
    notification: Notification, kind: NotificationAttempt.Result, at: datetime
) -> NotificationAttempt:
    """Return an attempt as the notification now tells of it, not yet saved.

    Its key follows from what it says, so that it is kept once where nobody could know whether
    the transaction that inserted it was committed.
    """
    return NotificationAttempt(
        id=uuid.uuid5(uuid.UUID(str(notification.pk)), f"{kind.value} {at.isoformat()}"),
        notification_id=notification.pk,
        attempted_at=at,
        result=kind,
        response=notification.response,
        # What a handler has saved may be anything.
        provider_message_id=storable(notification.provider_message_id, 200),
    )


def keep_attempts(attempts: Sequence[NotificationAttempt], *, using: str) -> None:
    """Insert attempts, but for those whose notification has been deleted meanwhile.

    Args:
        attempts: What to insert.
        using: The database's alias; a transaction is open on it.
    """
    if not attempts:
        return
    # Locked, so that none can be deleted between this look and the insert's own.
    no_key = connections[using].features.has_select_for_no_key_update
    there = set(
        Notification.objects.using(using)
        .filter(pk__in=sorted({attempt.notification_id for attempt in attempts}))
        .order_by("pk")
        .select_for_update(no_key=no_key)
        .values_list("pk", flat=True)
    )
    NotificationAttempt.objects.using(using).bulk_create(
        (attempt for attempt in attempts if attempt.notification_id in there),
        ignore_conflicts=True,
    )


def _moment(outcome: Outcome) -> datetime:
    at = outcome.notification.attempted_delivery
    if at is None or outcome.result is OutcomeKind.AS_SAVED:
        return timezone.now()  # the handler may have saved none, or left the one before
    return at


def _kind(outcome: Outcome) -> NotificationAttempt.Result:
    if outcome.result is OutcomeKind.AS_SAVED:
        return KIND_OF_STATUS.get(outcome.notification.status, Kind.FAILED)
    return KIND_OF_RESULT[outcome.result]
