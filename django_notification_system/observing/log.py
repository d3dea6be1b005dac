"""What the log's records carry beside their text, for programs that read logs.

Neither has an address, a title, a text or a secret, so that logs may go wherever logs go.
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
    """Keeps the names in a record from ending its line, or from steering who reads the log.

    The record's own text stays as it is, by which logs are grouped.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Escape line ends and control characters in the texts that a record tells of."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                printable_line(value) if isinstance(value, str) else value for value in record.args
            )
        return True


logger.addFilter(OneLineEach())

#: The statuses whose attempt has been counted in ``retry_attempts``.
COUNTED = frozenset({Notification.RETRY, Notification.DELIVERY_FAILURE, Notification.EXPIRED})
#: The outcomes that need a person: nobody will try again, and the message has not arrived.
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
        target: Where it goes; by default the notification's.
        notification: What it is about.
        batch_token: The name of the batch that it is in.
        more: Further fields, under their names.
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
    """Return what is said of a target as a whole, without the addresses of these.

    A mail server's answer names the recipient at times.
    """
    for notification in notifications:
        address = notification.target_user_record.target_user_id
        # What is a mere word or number may stand there for another reason.
        if address in text and not address.isalnum():
            text = re.sub(rf"(?<!\w){re.escape(address)}(?!\w)", "…", text)
    return text


def log_attempts(
    target: NotificationTarget, token: uuid.UUID, notifications: Iterable[Notification]
) -> None:
    """Write a record of each attempt, if anybody wants them.

    Args:
        target: Where they went.
        token: The name of their batch.
        notifications: As they are afterwards.
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
    """Write a record of each that ended without an attempt, if anybody wants them.

    That a record is inactive or a user has opted out is known. That it is too late needs a person.
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
        target: Where it went.
        notifications: What was sent with it.
        system: The kind of provider.
        seconds: How long it took.
        error: The kind of failure; empty where there was none.
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
