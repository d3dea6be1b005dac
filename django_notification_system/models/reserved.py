"""Keys of ``extra`` that only this app writes."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .notification import Notification

#: The message of a queued mail.
QUEUED_MAIL = "django_notification_system.mail"
#: Stands alone in ``extra`` where body and ``extra`` were removed after the delivery.
REMOVED = "django_notification_system.removed"
RESERVED = frozenset({QUEUED_MAIL, REMOVED})


def is_removed(notification: "Notification") -> bool:
    """Return whether body and ``extra`` were removed after the delivery.

    A claim leaves long texts in the database, and none of them is the mark.

    Args:
        notification: The notification.
    """
    extra: Any = notification.__dict__.get("extra")
    return isinstance(extra, dict) and REMOVED in extra


def is_queued_mail(notification: "Notification") -> bool:
    """Return whether the notification is a mail taken by the mail backend that queues.

    Args:
        notification: The notification.
    """
    record = notification.target_user_record
    return record.origin == record.Origin.QUEUED_MAIL
