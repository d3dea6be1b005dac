"""A handler in the manner of release 1.5.3 that does what the test says."""

from collections.abc import Callable
from typing import Any

from django_notification_system.models import Notification

#: What to do with each notification.
behave: Callable[[Notification], Any] | None = None


def send_notification(notification: Notification) -> Any:
    assert behave is not None
    return behave(notification)
