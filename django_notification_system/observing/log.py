"""The log's records, with fields for programs that read logs.

Neither texts nor fields have an address, a title, a message's text or a secret, so that logs may be
stored anywhere.
"""

import logging
import re
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from ..models import Notification, NotificationTarget
from ..printable import printable_line
from .outcome_name import outcome_of

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

#: The statuses after which ``retry_attempts`` includes the attempt.
COUNTED = frozenset({Notification.RETRY, Notification.DELIVERY_FAILURE, Notification.EXPIRED})
#: The outcomes for a person: nothing will be tried again, and the message has not arrived.
NEED_A_PERSON = frozenset({"expired", "failed", "inactive"})


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


def log_attempts(
    target: NotificationTarget, token: uuid.UUID, notifications: Iterable[Notification]
) -> None:
    """Write a record of each attempt, if the logger's level includes the record.

    Args:
        target: The attempts' target.
        token: The token of the notifications' batch.
        notifications: The notifications, with their new status.
    """
    for notification in notifications:
        outcome = outcome_of(notification)
        level = logging.WARNING if outcome in NEED_A_PERSON else logging.DEBUG
        if not logger.isEnabledFor(level):
            continue
        counted = notification.status in COUNTED
        extra = log_fields(
            target,
            notification=notification,
            batch_token=token,
            outcome=outcome,
            attempt_number=notification.retry_attempts + (0 if counted else 1),
        )
        logger.log(
            level, "%s: notification %s: %s.", target.name, notification.pk, outcome, extra=extra
        )


def log_skipped(
    target: NotificationTarget, token: uuid.UUID, notifications: Iterable[Notification]
) -> None:
    """Write a record of each skipped notification, if the logger's level includes the record.

    An inactive record and an opted-out user are ordinary. An expired notification needs a person.

    Args:
        target: The notifications' target.
        token: The token of the notifications' batch.
        notifications: The notifications, with their new status.
    """
    for notification in notifications:
        outcome = outcome_of(notification)
        level = logging.WARNING if outcome == "expired" else logging.DEBUG
        if not logger.isEnabledFor(level):
            continue
        extra = log_fields(target, notification=notification, batch_token=token, outcome=outcome)
        logger.log(
            level,
            "%s: notification %s: %s, without an attempt.",
            target.name,
            notification.pk,
            outcome,
            extra=extra,
        )


def log_call(
    target: NotificationTarget,
    notifications: Sequence[Notification],
    *,
    system: str,
    seconds: float,
    error: str,
) -> None:
    """Write a record of a call to a provider.

    Args:
        target: The call's target.
        notifications: The notifications in the call.
        system: The kind of provider.
        seconds: The call's duration, in seconds.
        error: The kind of failure; empty after a success.
    """
    extra = log_fields(
        target, provider=system, duration=round(seconds, 6), count=len(notifications)
    )
    if len(notifications) == 1:
        extra["notification_id"] = str(notifications[0].pk)
    if error:
        extra["error"] = error
    said = f", {error}" if error else ""
    logger.debug("%s: a call took %.3f s%s.", target.name, seconds, said, extra=extra)
