"""From an outcome to the notification's new status: the policy, without the database."""

from dataclasses import replace
from datetime import datetime, timedelta

from ...conf import WhenUnknown, engine_settings
from ...models import Notification
from ...models.notification import RESPONSE_MAX_LENGTH
from ...models.retry_interval import next_interval
from ...outcome import Outcome, OutcomeKind
from ...setting_rules import LONGEST_INTERVAL
from ...storable import storable
from ...targets import time_to_receipt
from .addresses import status_of_refusal
from .moments import moment_within

#: The smallest step of time in every database.
TICK = timedelta(microseconds=1)
#: A handler in the manner of release 1.5.3 may leave a notification due and count no attempt. No
#: run takes that notification for this number of seconds: less than cron's minute, so that every
#: run by cron finds the notification, as in 1.5.3.
LEFT_DUE_SECONDS = 30
#: A ``not_before`` further ahead is ignored.
LONGEST_NOT_BEFORE = timedelta(minutes=LONGEST_INTERVAL)
#: The shortest wait where a busy server names a time: a watch would ask again and again at once.
SHORTEST_WAIT = timedelta(seconds=1)
#: Where a record's server is busy, a notification created or last attempted longer ago counts an
#: attempt. Without a limit, a server that is always busy would be asked for ever.
LONGEST_BUSY = timedelta(days=7)
MESSAGE_ID_MAX_LENGTH: int = Notification._meta.get_field("provider_message_id").max_length or 0
NO_TIME_LEFT = " It expires before the next attempt."


def apply(outcome: Outcome, *, at: datetime, due_by: datetime, when_unknown: WhenUnknown) -> None:
    """Set the fields of the outcome's notification to the outcome's meaning.

    Args:
        outcome: The outcome of the attempt.
        at: When the attempt was made.
        due_by: The present run takes all rows due at this moment or before. A retry is set after
            this moment, so that no run attempts a notification twice.
        when_unknown: Whether to retry or to fail where nobody can know if the message was sent.
    """
    notification = outcome.notification
    notification.response = storable(outcome.response, RESPONSE_MAX_LENGTH)
    if outcome.result is OutcomeKind.AS_SAVED:
        if notification.status in Notification.PENDING_STATUSES:
            _apply_left_pending(outcome, at, due_by)
        return
    if not outcome.is_attempt:
        _postpone(outcome, at, due_by)
        return
    notification.attempted_delivery = at
    notification.provider_message_id = storable_message_id(outcome.provider_message_id)
    notification.forget_report()
    if outcome.result is OutcomeKind.DELIVERED:
        notification.status = Notification.DELIVERED
        if outcome.awaits_receipt:
            module_name = notification.target_user_record.target.notification_module_name
            notification.await_receipt(at + time_to_receipt(module_name))
    elif refusal := status_of_refusal(outcome, notification):
        notification.status = refusal
    elif outcome.result is OutcomeKind.FAILED or (
        outcome.result is OutcomeKind.UNKNOWN and when_unknown == "fail"
    ):
        notification.retry_attempts += 1
        notification.status = Notification.DELIVERY_FAILURE
    else:
        _apply_retry(outcome, at, due_by)


def count_long_wait(outcome: Outcome, *, at: datetime) -> Outcome:
    """Return a busy record's outcome as an attempt where the notification has waited for too long.

    The wait begins with the last attempt, or with the creation: no column says since when the
    record's server is busy.

    Args:
        outcome: The outcome, of a busy record or any other.
        at: When the attempt was made.
    """
    if not outcome.is_record_busy:
        return outcome
    notification = outcome.notification
    since = notification.attempted_delivery or notification.created_date
    return replace(outcome, is_record_busy=at - since <= LONGEST_BUSY)


def _apply_left_pending(outcome: Outcome, at: datetime, due_by: datetime) -> None:
    """Reschedule a row that the handler left pending: no run shall attempt the row endlessly."""
    notification = outcome.notification
    earliest = due_by + TICK
    is_left_due = notification.scheduled_delivery <= max(at, due_by)
    if is_left_due and "retry_attempts" not in outcome.saved_fields:
        # Nothing else would end the notification: a run that goes on would call for nothing else.
        earliest = max(earliest, at + timedelta(seconds=LEFT_DUE_SECONDS))
    notification.scheduled_delivery = max(notification.scheduled_delivery, earliest)


def _postpone(outcome: Outcome, at: datetime, due_by: datetime) -> None:
    """Postpone a message that never reached its provider, or met a busy one: no attempt counts."""
    if outcome.notification.status not in Notification.PENDING_STATUSES:
        return
    rest = timedelta(seconds=engine_settings().pause_seconds)
    if (outcome.is_busy or outcome.is_record_busy) and _names_time(outcome, at):
        rest = SHORTEST_WAIT
    _set_time(outcome, at + rest, at, due_by)


def _apply_retry(outcome: Outcome, at: datetime, due_by: datetime) -> None:
    """Count the failed attempt, and set the time of the next unless this was the last."""
    notification = outcome.notification
    notification.count_failed_attempt(at, _interval(outcome))
    if notification.status != Notification.RETRY:
        return
    _set_time(outcome, notification.scheduled_delivery, at, due_by)


def _interval(outcome: Outcome) -> float:
    """Return the minutes to the next attempt."""
    notification = outcome.notification
    minutes = next_interval(notification)
    is_first = notification.retry_attempts == 0
    if outcome.within is None or not is_first or notification.follows_retry_policy:
        return minutes
    return min(minutes, outcome.within.total_seconds() / 60)


def _set_time(outcome: Outcome, moment: datetime, at: datetime, due_by: datetime) -> None:
    """Set the time of the next attempt: no earlier than the provider and the run allow."""
    notification = outcome.notification
    not_before = moment_within(outcome.not_before, at, at + LONGEST_NOT_BEFORE) or at
    following = max(moment, not_before, due_by + TICK)
    notification.scheduled_delivery = following
    if notification.has_expired(following):
        # Now, not at the time of the next attempt: until then the row would look as if still on its
        # way.
        notification.status = Notification.EXPIRED
        notification.response = (
            notification.response[: RESPONSE_MAX_LENGTH - len(NO_TIME_LEFT)] + NO_TIME_LEFT
        )


def _names_time(outcome: Outcome, at: datetime) -> bool:
    """Return whether the provider named a time, even one that has passed meanwhile: "at once"."""
    earliest = at - LONGEST_NOT_BEFORE
    return moment_within(outcome.not_before, earliest, at + LONGEST_NOT_BEFORE) is not None


def storable_message_id(message_id: object) -> str:
    """Return a provider's name for a message as stored in the row, and so looked up.

    Args:
        message_id: The provider's name.
    """
    return storable(message_id, MESSAGE_ID_MAX_LENGTH)
