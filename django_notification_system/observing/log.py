"""The fields of the log's records, for programs that read logs, and texts without addresses.

Neither texts nor fields have an address, a title, a message's text or a secret, so that logs may be
stored anywhere.
"""

import logging
import re
import uuid
from collections.abc import Iterable
from typing import Any

from ..models import Notification, NotificationTarget
from ..printable import printable_line

logger = logging.getLogger("django_notification_system")


class OneLineEach(logging.Filter):
    """Keeps a name in a record from ending the line, or from steering the reader's terminal.

    The record's own text stays unchanged: logs are grouped by that text.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Escape line ends and control characters in a record's arguments."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                printable_line(value) if isinstance(value, str) else value for value in record.args
            )
        return True


logger.addFilter(OneLineEach())


def log_fields(
    target: NotificationTarget | None = None,
    *,
    notification: Notification | None = None,
    batch_token: uuid.UUID | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return the ``extra`` of a record.

    Args:
        target: The record's target; by default the notification's.
        notification: The record's notification.
        batch_token: The token of the notification's batch.
        more: Further fields, by name.
    """
    extra = dict(more)
    if target is None and notification is not None:
        target = notification.target_user_record.target
    if target is not None:
        extra["target"] = target.name
    if notification is not None:
        extra["notification_id"] = str(notification.pk)
    if batch_token is not None:
        extra["batch_token"] = str(batch_token)
    return extra


def without_addresses(text: str, notifications: Iterable[Notification]) -> str:
    """Return a text about a whole target, without the notifications' addresses.

    A mail server's answer names the recipient at times.

    Args:
        text: The text, such as a handler's problem.
        notifications: The notifications in question, with their records loaded.
    """
    for notification in notifications:
        address = notification.target_user_record.target_user_id
        # A mere word or number may stand in the text for another reason.
        if address in text and not address.isalnum():
            text = re.sub(rf"(?<!\w){re.escape(address)}(?!\w)", "…", text)
    return text
