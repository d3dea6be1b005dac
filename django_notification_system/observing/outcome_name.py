"""A notification's outcome in one word, for programs that watch."""

from ..models import Notification

#: By the notification's status.
OUTCOMES = {
    Notification.DELIVERED: "delivered",
    Notification.RETRY: "retrying",
    Notification.SCHEDULED: "retrying",
    Notification.DELIVERY_FAILURE: "failed",
    Notification.EXPIRED: "expired",
    Notification.INACTIVE_DEVICE: "inactive",
    Notification.OPTED_OUT: "opted_out",
    Notification.CANCELLED: "cancelled",
}
#: For any other status; a handler of the project's own may save such a status.
OTHER_OUTCOME = "other"


def outcome_of(notification: Notification) -> str:
    """Return a notification's outcome in one word.

    Args:
        notification: The notification, after its attempt.
    """
    return OUTCOMES.get(notification.status, OTHER_OUTCOME)
