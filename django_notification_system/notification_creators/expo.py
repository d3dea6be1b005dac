"""Creates push notifications that Expo sends."""

from datetime import datetime
from typing import Any

from .built_in import create_for_user


def create_notification(
    user: Any,
    title: str,
    body: str,
    scheduled_delivery: datetime | None = None,
    retry_time_interval: int = 60,
    max_retries: int = 3,
    quiet: bool = False,
    extra: dict[str, Any] | None = None,
    priority: int = 0,
) -> None:
    """Create a push notification to each of the user's active devices.

    Args:
        user: Whom to notify: an instance of the project's user model.
        title: One line of at most 100 characters.
        body: The text.
        scheduled_delivery: When it is due, with a time zone; by default at once.
        retry_time_interval: Minutes from a failed attempt to the next.
        max_retries: Attempts after which it becomes ``DELIVERY FAILURE``.
        quiet: Return instead of raising one of the first three errors below.
        extra: What else the device gets, as JSON; the handler says which keys it knows.
        priority: From 0 to 9. What has a higher one goes first among what is due.

    Raises:
        UserIsOptedOut: When the user has an active opt-out.
        UserHasNoTargetRecords: When the user has no active record in the target.
        NotificationsNotCreated: When all of the notifications exist already.
        InvalidNotification: When what is to be created could never be delivered; it is a
            ``ValueError`` too. ``quiet`` does not silence it.
    """
    create_for_user(
        user,
        target_name="Expo",
        quiet=quiet,
        title=title,
        body=body,
        scheduled_delivery=scheduled_delivery,
        retry_time_interval=retry_time_interval,
        max_retries=max_retries,
        extra=extra,
        priority=priority,
    )
