"""Deliver one notification outside a run, like ``send_notification()`` of release 1.5.3."""

import uuid
from collections.abc import Iterable
from dataclasses import replace

from django.db import router, transaction
from django.utils import timezone

from ...models import Notification
from ...observing.observers import tell, watched_alone
from ...outcome import Outcome
from ...preferences.lookup import refusals
from ...targets import target_settings
from ..outcomes.addresses import deactivate_records
from ..outcomes.announce import announce
from ..outcomes.apply import apply, count_long_wait
from ..outcomes.history import attempts_to_keep, keep_attempts
from ..outcomes.record import POSTPONED_FIELDS, attempt_fields
from ..outcomes.skip import skip
from .as_in_1_5_3 import CapturedSave
from .outbox_hook import Deliver, through_outbox_hook
from .redirect import redirected
from .typed import prepare


def send_and_save(deliver: Deliver, notification: Notification) -> str:
    """Deliver one notification and save the outcome.

    No row is claimed: use this function only for notifications out of every run's reach. As in a
    run, an opted-out user, an inactive record, a user who does not want the category and a
    suppressed address get no message.

    Args:
        deliver: The handler's function.
        notification: The notification, of any status and time.

    Returns:
        The response, for people.

    Raises:
        TargetUnavailable: When the target as a whole cannot be used; nothing is saved.
    """
    if isinstance(notification.__dict__.get("save"), CapturedSave):
        return _send(deliver, notification, None)
    with watched_alone(notification) as token:
        return _send(deliver, notification, token)


def _send(deliver: Deliver, notification: Notification, token: uuid.UUID | None) -> str:
    """Send a notification; without a token in a run, because the run tells its own observers."""
    using = notification._state.db or router.db_for_write(Notification, instance=notification)
    target = notification.target_user_record.target
    # A run has asked, for the whole batch.
    refused = refusals([notification], target, using=using) if token is not None else {}
    if skip(notification, refusal=refused.get(notification.pk)):
        return _end(notification, using, token)
    prepared = prepare([notification], target)
    if prepared.cancelled:
        return _end(notification, using, token)
    if prepared.postponed:
        _save(notification, using, POSTPONED_FIELDS)
        return notification.response
    if prepared.failed:
        [outcome] = prepared.failed
    else:
        [outcome] = redirected(through_outbox_hook(deliver, target), target)([notification])
    if isinstance(captured := notification.__dict__.get("save"), CapturedSave):
        captured.outcome = outcome  # in a run: the engine applies, saves and announces
        return outcome.response
    # Outside a run, a broken provider looks like a fault of the message: an attempt, as in 1.5.3.
    at = timezone.now()
    outcome = count_long_wait(replace(outcome, out_of_order=False), at=at)
    when_unknown = target_settings(target.notification_module_name).when_unknown
    apply(outcome, at=at, due_by=at, when_unknown=when_unknown)
    _save(notification, using, attempt_fields(outcome), outcome)
    if token is not None and outcome.is_attempt:
        tell("recorded", target, token, [outcome])
    if notification.status in (Notification.INACTIVE_DEVICE, Notification.OPTED_OUT):
        notification.target_user_record.active = False
    return notification.response


def _end(notification: Notification, using: str, token: uuid.UUID | None) -> str:
    """Save a notification that ended without an attempt."""
    _save(notification, using, ("status", "response"))
    if token is not None:
        tell("skipped", notification.target_user_record.target, token, [notification])
    return notification.response


def _save(
    notification: Notification, using: str, fields: Iterable[str], *outcomes: Outcome
) -> None:
    """Save only the fields that the attempt changed: other writers may have changed the rest."""
    notification.interruptions = 0
    with transaction.atomic(using=using):
        notification.save(using=using, update_fields=[*fields, "interruptions", "modified_date"])
        keep_attempts(attempts_to_keep(outcomes), using=using)
        deactivate_records(using, outcomes, {notification.pk})
        announce([notification], using=using)
