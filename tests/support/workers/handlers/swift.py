"""A second provider, which writes into the same file and takes no time."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import Outcome


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    for notification in notifications:
        with Path(os.environ["WORKERS_SPOOL"]).open("a") as spool:
            spool.write(f"{notification.pk}\n")
        yield Outcome.delivered(notification, "Gone.")
