"""A file where all processes of a host add up what they count.

A run that cron starts lives for seconds, and what it has counted would end with it. In this file
the counts go on from run to run, in Prometheus's own text format, which node_exporter's textfile
collector reads too.
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
#: When a process began to count, which says nothing of a sum over many.
CREATED = re.compile(r".*_created")
#: How long a process waits for another that writes, which takes milliseconds.
WAIT_SECONDS = 1.0
WAIT_STEP_SECONDS = 0.01

#: A sample's name and labels.
Key = tuple[str, tuple[tuple[str, str], ...]]


class CountsFile:
    """Adds what this process counts to a file that others add to as well.

    Args:
        registry: What it counts; nothing of it has been added so far.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._added: dict[Key, float] = values_of(registry.collect())

    def add(self, path: Path) -> None:
        """Add what was counted since the last time.

        Args:
            path: The file; it is made where it does not exist.

        Raises:
            OSError: When it cannot be written, or another process holds it for too long. Nothing
                is lost; it is added the next time.
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
    """What the file of the settings says, if they name one."""

    def describe(self) -> Iterable[Metric]:
        """Read nothing when this is registered."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return what all processes of the host have counted."""
        path = prometheus_settings().file
        return [] if path is None else read_families(Path(path))


def values_of(families: Iterable[Metric]) -> dict[Key, float]:
    """Return the values of what can be added up, by the sample's name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
        if not CREATED.fullmatch(sample.name)
    }


def read_families(path: Path) -> list[Metric]:
    """Return this app's metrics in a file; none where there is no such file, or it is damaged."""
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
    """Put a new file in the place of the old one, so that whoever reads sees one or the other."""
    summed = _Summed(families, sums)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(generate_latest(summed))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


class _Summed(Collector):
    """The sums, as the library writes them."""

    def __init__(self, families: Iterable[Metric], sums: dict[Key, float]) -> None:
        self._families = families
        self._sums = sums

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            names = {family.name + suffix for suffix in ("_total", "_bucket", "_count", "_sum")}
            summed = Metric(family.name, family.documentation, family.type)
            keys = [key for key in self._sums if key[0] in names]
            for name, labels in sorted(keys, key=_place):
                summed.add_sample(name, dict(labels), self._sums[name, labels])
            yield summed


def _place(key: Key) -> tuple[list[tuple[str, str]], str, float]:
    """Return what a sample is sorted by: a histogram's own together, its buckets by their size."""
    name, labels = key
    bound = float(dict(labels).get("le", "inf"))
    return [label for label in labels if label[0] != "le"], name, bound
