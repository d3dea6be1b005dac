"""The queue at the time of a scrape: the due notifications, and the age of the oldest."""

import logging
import threading
import time
from collections.abc import Iterable

from django.db import Error, connections, router
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ...delivery.claims.pause import is_paused
from ...delivery.claims.targets import targets_named
from ...delivery.handlers.redirect import is_blocked
from ...models import Notification
from ...operations.queue.counts import claimed_rows, count_waiting
from .conf import prometheus_settings

logger = logging.getLogger("django_notification_system")

#: The label ``status``.
STATUSES = {Notification.SCHEDULED: "scheduled", Notification.RETRY: "retry"}


class QueueCollector(Collector):
    """Asks the database at most once in ``CACHE_SECONDS``, however often a scrape comes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: list[Metric] | None = None
        self._read_at = 0.0

    def describe(self) -> Iterable[Metric]:
        """Ask nothing when the collector is registered."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return the state of the queue."""
        found = self._found
        # While another thread asks the database, the previous figures will do.
        if not self._lock.acquire(blocking=found is None):
            return found or []
        try:
            age = time.monotonic() - self._read_at
            if self._found is None or age >= prometheus_settings().cache_seconds:
                self._found = self._read()
                self._read_at = time.monotonic()
            return self._found
        finally:
            self._lock.release()

    def _read(self) -> list[Metric]:
        answers = GaugeMetricFamily(
            "notification_system_database_up", "Whether the database told the queue's state."
        )
        try:
            families = queue_families(router.db_for_read(Notification))
        except Error as error:
            logger.warning("The queue cannot be read for metrics: %s.", type(error).__name__)
            families = []
        answers.add_metric([], float(bool(families)))
        return [answers, *families]


class QueueOutsideRequests(QueueCollector):
    """The same collector for a thread whose connections nobody else closes."""

    def collect(self) -> Iterable[Metric]:
        """Return the state of the queue, and leave no connection open."""
        try:
            return super().collect()
        finally:
            connections.close_all()


def queue_families(using: str) -> list[Metric]:
    """Return the queue's state by target, with five queries that read only waiting rows.

    Args:
        using: The database's alias.
    """
    due, later = (
        GaugeMetricFamily(f"notification_system_{name}", text, labels=["target", "status"])
        for name, text in (
            ("due", "Notifications that are due now, by status."),
            ("scheduled_later", "Notifications that are due later, by status."),
        )
    )
    oldest, claimed, paused, blocked = (
        GaugeMetricFamily(f"notification_system_{name}", text, labels=["target"])
        for name, text in (
            ("oldest_due_seconds", "For how long the oldest has been due; 0 where none is."),
            ("claimed", "Notifications that a run holds now."),
            ("target_paused", "Whether the target rests because its provider is out of reach."),
            (
                "target_blocked",
                "Whether nothing is sent because others have overridden recipients.",
            ),
        )
    )
    at = timezone.now()
    targets = targets_named((), using=using)
    keys = [target.pk for target in targets]
    waiting = {(each, status): (0, 0) for each in keys for status in STATUSES}
    oldest_due = dict.fromkeys(keys, at)
    for found in count_waiting(keys, at, using=using):
        place = found.target_id, found.status
        waiting[place] = waiting[place][0] + found.due, waiting[place][1] + found.later
        if found.due:
            oldest_due[found.target_id] = min(oldest_due[found.target_id], found.oldest)
    claims = dict.fromkeys(keys, 0)
    for claim in claimed_rows(keys, at, using=using):
        claims[claim.target_id] += claim.notifications
    for target in targets:
        for status, label in STATUSES.items():
            now_due, due_later = waiting[target.pk, status]
            due.add_metric([target.name, label], now_due)
            later.add_metric([target.name, label], due_later)
        age = (at - oldest_due[target.pk]).total_seconds()
        oldest.add_metric([target.name], age)
        claimed.add_metric([target.name], claims[target.pk])
        paused.add_metric([target.name], float(is_paused(target, at=at)))
        blocked.add_metric([target.name], float(is_blocked(target)))
    return [due, later, oldest, claimed, paused, blocked]
