"""The recipient of a notification, in the admin's words."""

from typing import Any

from ..models import Notification


def recipient(notification: Notification) -> str:
    """Return the person and the target, such as "Ann Lee, Email"."""
    record = notification.target_user_record
    return f"{name_of(record.user)}, {record.target.name}"


def name_of(user: Any) -> str:
    """Return a user's full name; the user name where the model or the user has none."""
    full_name = getattr(user, "get_full_name", None)
    name = str(full_name()).strip() if callable(full_name) else ""
    return name or str(user.get_username())
