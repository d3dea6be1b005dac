"""What a target asks of a notification, whoever makes it: ``notify()``, a creator, the admin."""

from collections.abc import Mapping
from typing import Any

from ..models import NotificationTarget


def validate_content(target: NotificationTarget, body: str, extra: Mapping[str, Any]) -> None:
    """Check what a target can tell in advance that it could not deliver.

    Args:
        target: Where it goes.
        body: The notification's body.
        extra: Its ``extra``.

    Raises:
        InvalidNotification: When it could never be delivered.
    """
    if target.notification_module_name == "email":
        # Imported here: it brings the HTML converter with it.
        from .validate_email import validate_email

        validate_email(body, extra)
