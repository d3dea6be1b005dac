"""A provider whose client ends the process over some messages, like a fault in a C library."""

import os
from collections.abc import Iterable, Iterator

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import Outcome


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    for notification in notifications:
        if notification.title.startswith("kill"):
            os._exit(9)
        yield Outcome.delivered(notification, "Survived.")
