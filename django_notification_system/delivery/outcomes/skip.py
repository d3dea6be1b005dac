"""Notifications that are not sent: opted out, suppressed, inactive, expired."""

from datetime import datetime

from django.utils import timezone

from ...models import Notification
from ...models.opted_out import OPTED_OUT_RESPONSE, is_opted_out
from ...models.reserved import is_removed
from ...preferences.lookup import Refusal


def skip(
    notification: Notification, *, at: datetime | None = None, refusal: Refusal | None = None
) -> str | None:
    """End a notification that must not be sent: opted out, suppressed, inactive or expired.

    Args:
        notification: The notification about to be sent.
        at: The time of sending, if later than now.
        refusal: Why a preference or a suppression forbids the message, if so.

    Returns:
        A line for people, or ``None`` where the notification shall be delivered.
    """
    now = timezone.now()
    record = notification.target_user_record
    if is_opted_out(record.user, notification.category):
        notification.status = Notification.OPTED_OUT
        notification.response = OPTED_OUT_RESPONSE
    elif refusal is not None:
        notification.status = refusal.status
        notification.response = refusal.response
    elif not record.active:
        notification.status = Notification.INACTIVE_DEVICE
        notification.response = "Not sent: the record is inactive."
    elif notification.has_expired(now if at is None else max(now, at)):
        notification.status = Notification.EXPIRED
        notification.response = "Not sent: it has expired."
    elif is_removed(notification):
        notification.status = Notification.DELIVERY_FAILURE
        notification.attempted_delivery = notification.attempted_delivery or now
        notification.response = "Not sent: its text was removed after it was delivered."
    else:
        return None
    return notification.response
