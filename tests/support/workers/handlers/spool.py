"""A provider that writes messages' keys into a file."""

import os
import time
from collections.abc import Iterable, Iterator

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import Outcome


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    seconds = float(os.environ.get("WORKERS_DELAY", "0"))
    spool = os.open(os.environ["WORKERS_SPOOL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        for notification in notifications:
            os.write(spool, f"{notification.pk}\n".encode())
            time.sleep(seconds)
            yield Outcome.delivered(notification, f"Spooled. {notification.body}".strip())
    finally:
        os.close(spool)
