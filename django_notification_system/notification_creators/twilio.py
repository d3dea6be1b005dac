"""Creates text messages, sent by Twilio."""

from datetime import datetime
from typing import Any

from ..categories import Category
from .built_in import create_for_user


def create_notification(
    user: Any,
    title: str,
    body: str,
    scheduled_delivery: datetime | None = None,
    retry_time_interval: int = 1440,
    max_retries: int = 3,
    quiet: bool = False,
    extra: dict[str, Any] | None = None,
    priority: int = 0,
    category: str | Category = "",
) -> None:
    """Create a text message to each of the user's active numbers.

    Args:
        user: The recipient: an instance of the project's user model.
        title: One line of at most 100 characters, for people who look after the notifications.
        body: The text.
        scheduled_delivery: When the message is due, with a time zone; by default at once.
        retry_time_interval: Minutes from a failed attempt to the next.
        max_retries: Attempts before ``DELIVERY FAILURE``.
        quiet: Return instead of raising one of the first three errors below.
        extra: A JSON object for your own use.
        priority: From 0 to 9. Among due notifications, a higher priority goes first.
        category: The category, or its key; by default none.

    Raises:
        UserIsOptedOut: When the user has an active opt-out.
        UserHasNoTargetRecords: When the user has no active record in the target.
        NotificationsNotCreated: When all of the notifications exist already.
        InvalidNotification: When the message could never be delivered. A ``ValueError`` too;
            ``quiet`` does not silence this error.
    """
    create_for_user(
        user,
        target_name="Twilio",
        quiet=quiet,
        title=title,
        body=body,
        scheduled_delivery=scheduled_delivery,
        retry_time_interval=retry_time_interval,
        max_retries=max_retries,
        extra=extra,
        priority=priority,
        category=category,
    )
