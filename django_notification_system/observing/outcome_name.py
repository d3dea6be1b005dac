"""One word for what has come of a notification, for programs that watch."""

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
}
#: Of a status that is none of these, which a handler of the project's own may save.
OTHER_OUTCOME = "other"


def outcome_of(notification: Notification) -> str:
    """Return one word for what has come of a notification."""
    return OUTCOMES.get(notification.status, OTHER_OUTCOME)
