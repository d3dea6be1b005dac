"""Counts of this process's deliveries: attempts, delays, and the time of calls to providers."""

import atexit
import logging
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server

from ...models import Notification, NotificationTarget
from ...observing.observers import Observer, WatchedCall, add_observer
from ...observing.outcome_name import outcome_of
from ...outcome import Outcome
from .conf import prometheus_settings
from .file import CountsFile
from .queue import QueueOutsideRequests

logger = logging.getLogger("django_notification_system")

#: Seconds of a call to a provider: from a mail server next door to the longest timeouts.
CALL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
#: The seconds from when a message was due: a watching process's, cron's, and a backlog's.
DELAY_BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14_400.0)
#: To add to the file takes milliseconds, and a batch may be a single notification.
WRITE_EVERY_SECONDS = 1.0

#: The counts of this process.
registry = CollectorRegistry()

ATTEMPTS = Counter(
    "notification_system_attempts",
    "Attempts to deliver, by what came of them.",
    ["target", "category", "outcome"],
    registry=registry,
)
NOT_ATTEMPTED = Counter(
    "notification_system_not_attempted",
    "Notifications that ended without an attempt, by what they are now.",
    ["target", "category", "outcome"],
    registry=registry,
)
CALL_SECONDS = Histogram(
    "notification_system_provider_call_seconds",
    "How long a call to the provider takes: a mail, or a request.",
    ["target", "result"],
    buckets=CALL_BUCKETS,
    registry=registry,
)
DELAY_SECONDS = Histogram(
    "notification_system_delivery_delay_seconds",
    "From when a notification was due until it was delivered.",
    ["target"],
    buckets=DELAY_BUCKETS,
    registry=registry,
)


class Counting(Observer):
    """Counts the deliveries of this process."""

    def __init__(self) -> None:
        self._file = CountsFile(registry)
        self._written_at = float("-inf")
        self._timer: threading.Timer | None = None
        self._is_served = False

    def watch_began(self) -> None:
        """Serve the metrics on the port from the settings."""
        settings = prometheus_settings()
        if settings.watch_port is None or self._is_served:
            return
        try:
            serve(settings.watch_port, settings.watch_address)
        except OSError as error:
            logger.error(
                "Metrics cannot be served on %s:%d (%s). Give each watching process a WATCH_PORT of"
                " its own in NOTIFICATION_SYSTEM_PROMETHEUS.",
                settings.watch_address,
                settings.watch_port,
                error,
            )
            return
        self._is_served = True

    def recorded(
        self, target: NotificationTarget, token: uuid.UUID, outcomes: Sequence[Outcome]
    ) -> None:
        """Count attempts."""
        delay = DELAY_SECONDS.labels(target.name)
        for outcome in outcomes:
            notification = outcome.notification
            ATTEMPTS.labels(target.name, notification.category, outcome_of(notification)).inc()
            at = notification.attempted_delivery
            if notification.status == Notification.DELIVERED and at is not None:
                late = (at - notification.scheduled_delivery).total_seconds()
                delay.observe(max(late, 0.0))
        self._write_soon()

    def skipped(
        self,
        target: NotificationTarget,
        token: uuid.UUID,
        notifications: Sequence[Notification],
    ) -> None:
        """Count the notifications that were skipped."""
        for notification in notifications:
            outcome = outcome_of(notification)
            NOT_ATTEMPTED.labels(target.name, notification.category, outcome).inc()

    def call_ended(self, call: WatchedCall) -> None:
        """Note how long a provider took."""
        CALL_SECONDS.labels(call.target.name, "error" if call.error else "ok").observe(call.seconds)

    def batch_ended(self, target: NotificationTarget, token: uuid.UUID, problem: str) -> None:
        """Write down the batch's counts."""
        self._write_soon()

    def _write_soon(self) -> None:
        """Write at once, or as soon as ``WRITE_EVERY_SECONDS`` have passed since the last time."""
        if prometheus_settings().file is None:
            return
        wait = self._written_at + WRITE_EVERY_SECONDS - time.monotonic()
        if wait <= 0:
            self.write()
        elif self._timer is None or not self._timer.is_alive():
            self._timer = threading.Timer(wait, self.write)
            self._timer.daemon = True
            self._timer.start()

    def write(self) -> None:
        """Add the counts to the file from the settings, if any."""
        self._written_at = time.monotonic()
        path = prometheus_settings().file
        if path is None:
            return
        try:
            self._file.add(Path(path))
        except OSError as error:
            # The next call adds these counts too.
            logger.warning("Metrics cannot be written to %s: %s.", path, error.strerror)


counting = Counting()


def begin() -> None:
    """Count the deliveries of this process from now on."""
    add_observer(counting)
    atexit.register(counting.write)  # a run of cron's ends before the next is due


def serve(port: int, address: str) -> None:
    """Serve this process's counts, and the queue, in a thread of its own.

    Args:
        port: The port to listen on.
        address: The address to listen on.

    Raises:
        OSError: When the port is not free.
    """
    served = CollectorRegistry()
    served.register(QueueOutsideRequests())
    served.register(registry)
    start_http_server(port, address, registry=served)
