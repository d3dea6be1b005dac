"""A target's own rules for a notification, made by ``notify()``, a creator or the admin."""

from collections.abc import Mapping
from typing import Any

from ..models import NotificationTarget


def validate_content(target: NotificationTarget, body: str, extra: Mapping[str, Any]) -> None:
    """Check a target's own rules, so that a notification without a chance is refused at once.

    Args:
        target: The notification's target.
        body: The notification's body.
        extra: The notification's ``extra``.

    Raises:
        InvalidNotification: When the notification could never be delivered.
    """
    if target.notification_module_name == "email":
        # Imported here, because the email rules load the HTML converter.
        from .validate_email import validate_email

        validate_email(body, extra)
