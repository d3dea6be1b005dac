"""A handler in the manner of release 1.5.3, with the test's behaviour."""

from collections.abc import Callable
from typing import Any

from django_notification_system.models import Notification

#: Called with every notification.
behave: Callable[[Notification], Any] | None = None


def send_notification(notification: Notification) -> Any:
    assert behave is not None
    return behave(notification)
