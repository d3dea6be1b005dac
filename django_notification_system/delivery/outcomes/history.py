"""The history of attempts: which attempts are kept, and with which fields."""

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils import timezone

from ...conf import engine_settings
from ...database import leaving_existing
from ...models import Notification, NotificationAttempt
from ...models.keys import key_of
from ...models.locking import locked
from ...outcome import Outcome, OutcomeKind
from .apply import storable_message_id

Kind = NotificationAttempt.Result

KIND_OF_RESULT = {
    OutcomeKind.DELIVERED: Kind.DELIVERED,
    OutcomeKind.RETRY: Kind.RETRY,
    OutcomeKind.FAILED: Kind.FAILED,
    OutcomeKind.UNKNOWN: Kind.UNKNOWN,
}
#: By the status that a handler in the manner of release 1.5.3 saved; other statuses are failures.
KIND_OF_STATUS = {
    Notification.DELIVERED: Kind.DELIVERED,
    Notification.RETRY: Kind.RETRY,
    Notification.SCHEDULED: Kind.RETRY,
}
#: Left out by the setting ``"failed"``.
GOOD_NEWS = frozenset({Kind.DELIVERED, Kind.CONFIRMED})


def attempts_to_keep(outcomes: Iterable[Outcome]) -> list[NotificationAttempt]:
    """Return the attempts of these applied outcomes that the setting ``HISTORY`` keeps, unsaved.

    Args:
        outcomes: The outcomes.
    """
    history = engine_settings().history
    if history == "none":
        return []
    return [
        make_attempt(outcome.notification, kind, _moment(outcome))
        for outcome in outcomes
        if outcome.is_attempt and ((kind := _kind(outcome)) not in GOOD_NEWS or history == "all")
    ]


def is_kept(kind: NotificationAttempt.Result) -> bool:
    """Return whether the setting ``HISTORY`` keeps attempts of this kind.

    Args:
        kind: The kind.
    """
    history = engine_settings().history
    return history == "all" or (history == "failed" and kind not in GOOD_NEWS)


def make_attempt(
    notification: Notification, kind: NotificationAttempt.Result, at: datetime
) -> NotificationAttempt:
    """Return an unsaved attempt with the notification's present fields.

    The key begins with the time, and goes on with a hash of notification, kind and time. So an
    attempt is kept once, even where a lost connection hid whether the inserting transaction was
    committed.

    Args:
        notification: The notification, with the outcome applied.
        kind: The kind of attempt.
        at: When the attempt was made.
    """
    return NotificationAttempt(
        id=_key(notification, kind, at),
        notification_id=notification.pk,
        attempted_at=at,
        result=kind,
        response=notification.response,
        # A handler may have saved anything here.
        provider_message_id=storable_message_id(notification.provider_message_id),
    )


def _key(notification: Notification, kind: NotificationAttempt.Result, at: datetime) -> uuid.UUID:
    name = f"{uuid.UUID(str(notification.pk))} {kind.value} {at.isoformat()}".encode()
    hashed = hashlib.blake2b(name, digest_size=16, usedforsecurity=False).digest()
    return key_of(at, hashed)


def keep_attempts(attempts: Sequence[NotificationAttempt], *, using: str) -> None:
    """Insert the attempts whose notification still exists.

    Args:
        attempts: Unsaved attempts.
        using: The database's alias; a transaction is open on the connection.
    """
    if not attempts:
        return
    keys = sorted({attempt.notification_id for attempt in attempts})
    rows = Notification.objects.using(using).filter(pk__in=keys)
    # Locked, so that nobody deletes a notification between this query and the insert.
    there = set(locked(rows).values_list("pk", flat=True))
    NotificationAttempt.objects.using(using).bulk_create(
        (attempt for attempt in attempts if attempt.notification_id in there),
        **leaving_existing("notification", using=using),
    )


def _moment(outcome: Outcome) -> datetime:
    at = outcome.notification.attempted_delivery
    if at is None or outcome.result is OutcomeKind.AS_SAVED:
        return timezone.now()  # the handler may have saved no time, or left the earlier attempt's
    return at


def _kind(outcome: Outcome) -> NotificationAttempt.Result:
    if outcome.result is OutcomeKind.AS_SAVED:
        return KIND_OF_STATUS.get(outcome.notification.status, Kind.FAILED)
    return KIND_OF_RESULT[outcome.result]
