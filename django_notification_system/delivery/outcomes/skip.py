"""Notifications that are not sent: opted out, inactive, expired."""

from datetime import datetime

from django.utils import timezone

from ...models import Notification
from ...models.reserved import is_removed


def skip(notification: Notification, *, at: datetime | None = None) -> str | None:
    """End a notification that must not be sent: expired, record inactive, or user opted out.

    Args:
        notification: The notification about to be sent.
        at: The time of sending, if later than now.

    Returns:
        A line for people, or ``None`` where the notification shall be delivered.
    """
    now = timezone.now()
    record = notification.target_user_record
    opt_out = getattr(record.user, "notification_opt_out", None)
    if opt_out is not None and opt_out.active:
        notification.status = Notification.OPTED_OUT
        notification.response = "Not sent: the user has opted out."
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
