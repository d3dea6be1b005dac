"""A notification's attempts, for the notification's page."""

from collections.abc import Mapping

from ..models import Notification, NotificationAttempt

#: The number of attempts on a page, the newest first.
SHOWN = 100

#: The class of the style sheet for each result.
KINDS: Mapping[str, str] = {
    NotificationAttempt.Result.DELIVERED: "good",
    NotificationAttempt.Result.CONFIRMED: "good",
    NotificationAttempt.Result.RETRY: "again",
    NotificationAttempt.Result.UNKNOWN: "again",
    NotificationAttempt.Result.FAILED: "bad",
    NotificationAttempt.Result.REPORTED_FAILED: "bad",
}


def latest_attempts(notification: Notification) -> list[tuple[NotificationAttempt, str]]:
    """Return the latest attempts, the newest first, with a class of the style sheet for each.

    Args:
        notification: The notification.
    """
    rows = NotificationAttempt.objects.using(notification._state.db)
    latest = rows.filter(notification=notification).order_by("-attempted_at")[:SHOWN]
    return [(attempt, KINDS.get(attempt.result, "off")) for attempt in latest]
