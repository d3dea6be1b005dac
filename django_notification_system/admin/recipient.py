"""The recipient of a notification, in the admin's words."""

from typing import Any

from ..models import Notification, TargetUserRecord


def recipient(notification: Notification) -> str:
    """Return the person and the target, such as "Ann Lee, Email".

    For an address without a user, the address stands for the person.

    Args:
        notification: The notification, with its record loaded.
    """
    record = notification.target_user_record
    return f"{_person(record)}, {record.target.name}"


def recipient_and_address(notification: Notification) -> str:
    """Return the person, the target and the address; the address once.

    Args:
        notification: The notification, with its record loaded.
    """
    record = notification.target_user_record
    said = recipient(notification)
    return said if record.user is None else f"{said}, {record.target_user_id}"


def _person(record: TargetUserRecord) -> str:
    return record.target_user_id if record.user is None else name_of(record.user)


def name_of(user: Any) -> str:
    """Return a user's full name; the user name where the model or the user has none.

    Args:
        user: The user.
    """
    full_name = getattr(user, "get_full_name", None)
    name = str(full_name()).strip() if callable(full_name) else ""
    return name or str(user.get_username())
