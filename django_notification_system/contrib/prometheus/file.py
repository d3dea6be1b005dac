"""A file in which all processes of a host add up their counts.

A run from cron lives for seconds, and its counts would end with the run. In the file the counts
continue from run to run, in Prometheus's own text format; the textfile collector of node_exporter
reads the same format.
"""

import logging
import os
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.files import locks
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from .conf import prometheus_settings

logger = logging.getLogger("django_notification_system")

PREFIX = "notification_system_"
#: The time when a process began to count; the sum of many processes has no such time.
CREATED = re.compile(r".*_created")
#: Seconds of waiting for another process to finish writing; writing takes milliseconds.
WAIT_SECONDS = 1.0
WAIT_STEP_SECONDS = 0.01

#: A sample's name and labels.
Key = tuple[str, tuple[tuple[str, str], ...]]


class CountsFile:
    """Adds this process's counts to a file shared with other processes.

    Args:
        registry: The process's counts; none has been added so far.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._added: dict[Key, float] = values_of(registry.collect())

    def add(self, path: Path) -> None:
        """Add the counts since the last call.

        Args:
            path: The file; a missing file is made.

        Raises:
            OSError: When the file cannot be written, or another process holds the lock for too
                long. Nothing is lost; the next call adds these counts.
        """
        with self._lock:
            families = list(self._registry.collect())
            counted = values_of(families)
            if counted == self._added:
                return
            with path.with_name(f"{path.name}.lock").open("a") as guard:
                _lock(guard)
                sums = defaultdict(float, values_of(read_families(path)))
                for key, value in counted.items():
                    sums[key] += value - self._added.get(key, 0.0)
                _write(path, families, sums)
            self._added = counted


class FileCollector(Collector):
    """The metrics in the file from the settings, if any."""

    def describe(self) -> Iterable[Metric]:
        """Read nothing when the collector is registered."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return the counts of all processes of the host."""
        path = prometheus_settings().file
        if path is None:
            return []
        try:
            return read_families(Path(path))
        except OSError as error:
            # The queue's metrics, in the same answer, do not need the file.
            logger.warning("%s cannot be read: %s.", path, error.strerror)
            return []


def values_of(families: Iterable[Metric]) -> dict[Key, float]:
    """Return the values that can be added up, by the sample's name and labels.

    Args:
        families: Metrics with their samples.
    """
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
        if not CREATED.fullmatch(sample.name)
    }


def read_families(path: Path) -> list[Metric]:
    """Return this app's metrics in a file; none for a missing or damaged file.

    Args:
        path: The file in Prometheus's text format.

    Raises:
        OSError: When there is such a file, and it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return [
            family
            for family in text_string_to_metric_families(text)
            if family.name.startswith(PREFIX)
        ]
    except FileNotFoundError:
        return []
    except ValueError:
        logger.warning("%s holds no metrics that can be read; counting starts anew.", path)
        return []


def _lock(guard: Any) -> None:
    patience = time.monotonic() + WAIT_SECONDS
    # Never for good: a delivery does not hang because another process does.
    while not locks.lock(guard, locks.LOCK_EX | locks.LOCK_NB):
        if time.monotonic() > patience:
            raise TimeoutError(None, "another process holds its lock")
        time.sleep(WAIT_STEP_SECONDS)


def _write(path: Path, families: Iterable[Metric], sums: dict[Key, float]) -> None:
    """Replace the old file by a new one, so that a reader sees either the old or the new counts."""
    summed = _Summed(families, sums)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(generate_latest(summed))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


class _Summed(Collector):
    """The sums, in the form that the library writes."""

    def __init__(self, families: Iterable[Metric], sums: dict[Key, float]) -> None:
        self._families = families
        self._sums = sums

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            names = {family.name + suffix for suffix in ("_total", "_bucket", "_count", "_sum")}
            summed = Metric(family.name, family.documentation, family.type)
            keys = [key for key in self._sums if key[0] in names]
            for name, labels in sorted(keys, key=_sort_key):
                summed.add_sample(name, dict(labels), self._sums[name, labels])
            yield summed


def _sort_key(key: Key) -> tuple[list[tuple[str, str]], str, float]:
    """Return the sort key of a sample: a histogram's samples together, the buckets by size."""
    name, labels = key
    bound = float(dict(labels).get("le", "inf"))
    return [label for label in labels if label[0] != "le"], name, bound
