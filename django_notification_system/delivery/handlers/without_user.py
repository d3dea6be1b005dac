"""The clear report on a handler that reads the user of an address without an account."""

from django.contrib.auth import get_user_model

from ...models import Notification
from ...outcome import one_line


def said_of_error(error: BaseException, notification: Notification, source: str) -> str:
    """Return a handler's error for people, on one line.

    An attribute of ``None`` that a user would have is told apart: the handler reads the user of a
    record without one, and ``AttributeError`` alone would not say so.

    Args:
        error: The error that the handler raised.
        notification: The notification, with its record loaded.
        source: The handler's file or dotted name.
    """
    said = one_line(error)
    if not _reads_no_user(error, notification):
        return said
    return (
        f"{source} reads {error.name!r} of the user, and the address has no account:"  # type: ignore[attr-defined] # an AttributeError's
        " notification.target_user_record.user is None. Send to"
        " notification.target_user_record.target_user_id, and read a user only where there is one."
    )


def _reads_no_user(error: BaseException, notification: Notification) -> bool:
    return (
        isinstance(error, AttributeError)
        and error.obj is None
        and notification.target_user_record.user_id is None
        and hasattr(get_user_model(), str(error.name))
    )
