"""A provider that knows no address at all, as behind another project's credentials."""

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
            yield Outcome.failed(
                notification, "No.", deactivate_record=True, if_all_alike="Correct the key."
            )
            time.sleep(seconds)
    finally:
        os.close(spool)
