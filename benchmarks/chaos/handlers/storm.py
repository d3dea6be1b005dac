"""A provider that writes messages' keys into a file, and handlers' worst manners on request.

A notification's ``extra["manner"]`` says how its process fares while sending. While the file
``WORKERS_SPOOL`` + ``.away`` exists, the provider cannot be reached.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import Outcome

SPOOL = Path(os.environ["WORKERS_SPOOL"])
AWAY = SPOOL.with_suffix(".away")
DEATHS = SPOOL.with_suffix(".deaths")


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    seconds = float(os.environ.get("WORKERS_DELAY", "0"))
    for notification in notifications:
        if AWAY.exists():
            yield Outcome.retry(notification, "The provider is away.", unreachable=True)
            continue
        if manner := notification.extra.get("manner"):
            _append(DEATHS, notification, f" {manner}")
            MANNERS[manner]()
        _append(SPOOL, notification)
        time.sleep(seconds)
        yield Outcome.delivered(notification, "Spooled.")


def _append(file: Path, notification: Notification, words: str = "") -> None:
    # In a single write, which the system does not mix with other processes' writes.
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, f"{notification.pk}{words}\n".encode())
    finally:
        os.close(descriptor)


def _end_the_process() -> None:
    os._exit(139)  # as after a segmentation fault, or by the kernel's hand when memory is short


def _interrupt() -> None:
    raise KeyboardInterrupt


def _close_all_files() -> None:
    os.closerange(3, 1024)


MANNERS: dict[str, Callable[[], None]] = {
    "exit": _end_the_process,
    "interrupt": _interrupt,
    "close files": _close_all_files,
}
