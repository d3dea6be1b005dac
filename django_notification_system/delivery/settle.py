"""From an outcome to the notification's new status: the policy, without the database."""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from ..conf import WhenUnknown
from ..models import Notification
from ..models.notification import RESPONSE_MAX_LENGTH
from .outcome import Outcome, Result

#: The smallest step of time that every database keeps.
TICK = timedelta(microseconds=1)


def settle(
    outcome: Outcome, *, at: datetime, due_until: datetime, when_unknown: WhenUnknown
) -> None:
    """Set the fields of the outcome's notification to what the outcome means.

    Args:
        outcome: What came of the attempt.
        at: When the attempt was made.
        due_until: What is due at this moment or before belongs to the present run. A retry is
            set after it, so that no run attempts a notification twice.
        when_unknown: What to do where nobody can know.
    """
    notification = outcome.notification
    notification.response = storable(outcome.response, RESPONSE_MAX_LENGTH)
    if outcome.result is Result.AS_SAVED:
        if notification.status in Notification.PENDING_STATUSES:
            notification.scheduled_delivery = max(notification.scheduled_delivery, due_until + TICK)
        return
    notification.attempted_delivery = at
    if outcome.result is Result.DELIVERED:
        notification.status = Notification.DELIVERED
        notification.provider_message_id = storable(outcome.provider_message_id, 200)
    elif outcome.opt_out:
        notification.status = Notification.OPTED_OUT
    elif outcome.deactivate_record:
        notification.status = Notification.INACTIVE_DEVICE
    elif outcome.result is Result.FAILED or (
        outcome.result is Result.UNKNOWN and when_unknown == "fail"
    ):
        notification.retry_attempts += 1
        notification.status = Notification.DELIVERY_FAILURE
    else:
        notification.count_failed_attempt(at)
        if notification.status == Notification.RETRY:
            notification.scheduled_delivery = max(
                notification.scheduled_delivery, _moment(outcome.not_before) or at, due_until + TICK
            )


def storable(text: object, length: int) -> str:
    """Return what a handler said as text that every database stores: no NUL, no half characters."""
    said = str(text).replace("\x00", "").encode(errors="replace").decode()
    return said[:length]


def _moment(moment: datetime | None) -> datetime | None:
    """Return a handler's moment with a time zone or without, as the project's own are."""
    if moment is None or timezone.is_aware(moment) == settings.USE_TZ:
        return moment
    return timezone.make_aware(moment) if settings.USE_TZ else timezone.make_naive(moment)


def settle_without_attempt(notification: Notification) -> str | None:
    """Settle what must not be sent: an inactive address, a user who has opted out.

    Returns:
        A line for people, or ``None`` where the notification is to be delivered.
    """
    record = notification.target_user_record
    opt_out = getattr(record.user, "notification_opt_out", None)
    if opt_out is not None and opt_out.active:
        notification.status = Notification.OPTED_OUT
        notification.response = "Not sent: the user has opted out."
    elif not record.active:
        notification.status = Notification.INACTIVE_DEVICE
        notification.response = "Not sent: the record is inactive."
    else:
        return None
    return notification.response
