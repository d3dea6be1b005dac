"""Write outcomes, many at a time, and only where the run's claim still holds."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime
from uuid import UUID

from django.db import connections, transaction
from django.utils import timezone

from ...database import patiently, refuses_value
from ...models import Notification
from ...models.locking import begin_with_a_write, locked
from ...observing.log import log_fields
from ...outcome import Outcome, OutcomeKind
from ..claims.claim import Claim
from .addresses import deactivate_records
from .history import attempts_to_keep, keep_attempts
from .statement import update_statement

logger = logging.getLogger("django_notification_system")

#: Changed by an attempt; a delivery changes other fields than a failure.
DELIVERY_FIELDS = ("status", "attempted_delivery", "response", "provider_message_id")
FAILURE_FIELDS = (
    "status",
    "attempted_delivery",
    "response",
    "scheduled_delivery",
    "retry_attempts",
    "provider_message_id",
)
#: Changed without an attempt.
SKIPPED_FIELDS = ("status", "attempted_delivery", "response")
#: Changed where the provider could not be reached, and where a row waits without a try.
POSTPONED_FIELDS = ("status", "response", "scheduled_delivery")
#: A provider's report on an earlier message, cleared by the next attempt.
REPORT_FIELDS = ("provider_status", "receipt_due_at", "confirmed_at")


def record_outcomes(claim: Claim, outcomes: Sequence[Outcome]) -> None:
    """Write applied outcomes and release their rows.

    A row claimed by another run meanwhile is left to the other run. A status set by a person
    meanwhile stays, unless the message is delivered. While the database is out of reach, this
    function waits. Where the database refuses a value, the notification fails, and the response
    names the cause.

    Args:
        claim: The rows, and the token of the run that sent them.
        outcomes: The outcomes, applied to their notifications.

    Raises:
        DatabaseError: When the database is out of reach for longer than a run waits, or refuses the
            rows whatever the values. Record the same outcomes later.
        InterfaceError: Likewise.
    """
    try:
        patiently(lambda: _write_all(claim, outcomes), using=claim.using)
    except Exception as error:
        if not refuses_value(error, connections[claim.using].vendor):
            raise
        if len(outcomes) == 1:
            _record_unstorable(claim, outcomes[0], error)
            return
        for outcome in outcomes:
            record_outcomes(claim, [outcome])


def record_skipped(claim: Claim, notifications: Sequence[Notification]) -> None:
    """Write notifications that ended without an attempt, and release their rows.

    Args:
        claim: The rows, and the token of the run.
        notifications: The notifications, with status and response set.

    Raises:
        DatabaseError: When the database is out of reach for longer than a run waits.
        InterfaceError: Likewise.
    """
    if notifications:
        patiently(lambda: _write(claim, notifications, SKIPPED_FIELDS), using=claim.using)


def record_postponed(claim: Claim, notifications: Sequence[Notification]) -> None:
    """Write the new moments of notifications postponed without an attempt, and release their rows.

    Args:
        claim: The rows, and the token of the run.
        notifications: The notifications, with moment and response set.

    Raises:
        DatabaseError: When the database is out of reach for longer than a run waits.
        InterfaceError: Likewise.
    """
    if notifications:
        patiently(
            lambda: _write(claim, notifications, POSTPONED_FIELDS, rescheduled_after=claim.latest),
            using=claim.using,
        )


def _write_all(claim: Claim, outcomes: Sequence[Outcome]) -> None:
    groups: dict[tuple[tuple[str, ...], bool, bool], list[Notification]] = {}
    for outcome in outcomes:
        delivered = outcome.notification.status == Notification.DELIVERED
        # A handler's own save overrules a time set by others.
        overrules = outcome.result is OutcomeKind.AS_SAVED
        key = (_changed_fields(outcome), delivered, overrules)
        groups.setdefault(key, []).append(outcome.notification)
    attempts = attempts_to_keep(outcomes)
    touches_records = any(outcome.deactivate_record or outcome.hard_bounce for outcome in outcomes)
    is_one_statement = len(groups) == 1 and not attempts and not touches_records
    bounced = [outcome.notification.pk for outcome in outcomes if outcome.hard_bounce]
    # Inside the caller's transaction a savepoint keeps a failed statement from ruining the rest.
    alone = is_one_statement and not connections[claim.using].in_atomic_block
    with nullcontext() if alone else transaction.atomic(using=claim.using):
        # Read first: the statements below release the rows.
        bounced_now = _lock_claimed(claim, bounced)
        for (fields, delivered, overrules), notifications in groups.items():
            _write(
                claim,
                notifications,
                fields,
                over_any_status=delivered,
                rescheduled_after=None if overrules else claim.latest,
            )
        keep_attempts(attempts, using=claim.using)
        deactivate_records(claim.using, outcomes, bounced_now)


def _lock_claimed(claim: Claim, keys: Sequence[UUID]) -> set[UUID]:
    """Lock the rows that the run still has claimed, and return their keys.

    A row recorded earlier is claimed no more. So a bounce is counted once, even where a lost
    connection hid whether the counting transaction was committed.
    """
    if not keys:
        return set()
    begin_with_a_write(Notification.objects.using(claim.using))
    return set(locked(claim.rows(keys)).values_list("pk", flat=True))


def _changed_fields(outcome: Outcome) -> tuple[str, ...]:
    if outcome.result is OutcomeKind.AS_SAVED:
        names = {*outcome.saved_fields, "response"}
        if outcome.notification.status in Notification.PENDING_STATUSES:
            names.add("scheduled_delivery")  # rescheduled until after the present run
        return tuple(sorted(names))
    return attempt_fields(outcome)


def attempt_fields(outcome: Outcome) -> tuple[str, ...]:
    """Return the names of the fields changed by applying an outcome.

    Args:
        outcome: The outcome.
    """
    if not outcome.is_attempt:
        return POSTPONED_FIELDS
    fields = DELIVERY_FIELDS if outcome.result is OutcomeKind.DELIVERED else FAILURE_FIELDS
    return (*fields, *REPORT_FIELDS) if outcome.notification.forgets_report else fields


def _record_unstorable(claim: Claim, outcome: Outcome, error: Exception) -> None:
    """Fail a notification whose handler left values that the database refuses."""
    notification = outcome.notification
    logger.error(
        "The outcome of notification %s cannot be stored.",
        notification.pk,
        extra=log_fields(notification=notification, batch_token=claim.token),
    )
    _forget_saved(claim, outcome)
    notification.status = Notification.DELIVERY_FAILURE
    notification.attempted_delivery = timezone.now()
    notification.response = (
        f"What its handler saved cannot be stored ({type(error).__name__}). Correct the handler."
    )
    attempts = attempts_to_keep([Outcome.failed(notification, notification.response)])

    def write() -> None:
        with transaction.atomic(using=claim.using):
            _write(claim, [notification], SKIPPED_FIELDS)
            keep_attempts(attempts, using=claim.using)

    patiently(write, using=claim.using)


def _forget_saved(claim: Claim, outcome: Outcome) -> None:
    """Read the fields that a handler saved back from the database, for the signal's receivers."""
    if not outcome.saved_fields:
        return
    rows = Notification.objects.using(claim.using).filter(pk=outcome.notification.pk)
    stored = patiently(rows.values(*outcome.saved_fields).first, using=claim.using)
    for name, value in (stored or {}).items():
        setattr(outcome.notification, name, value)


def _write(
    claim: Claim,
    notifications: Sequence[Notification],
    fields: Iterable[str],
    *,
    over_any_status: bool = False,
    rescheduled_after: datetime | None = None,
) -> None:
    """Write these fields of all rows in one statement, and release the rows."""
    connection = connections[claim.using]
    # A person may have cancelled the notification while the message was on its way; that stands.
    only_pending = "status" in fields and not over_any_status
    statement, parameters = update_statement(
        connection,
        claim.token,
        notifications,
        fields,
        of_status=Notification.PENDING_STATUSES if only_pending else (),
        rescheduled_after=rescheduled_after,
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        missed = len(notifications) - cursor.rowcount
    if missed:
        logger.warning(
            "%d of %d outcomes were not recorded: somebody else deleted or changed their"
            " notifications, or another run took them over when the lease ended.",
            missed,
            len(notifications),
            extra=log_fields(batch_token=claim.token, count=missed),
        )
        claim.release(notification.pk for notification in notifications)
