"""Metrics in a file that several processes share."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from prometheus_client import CollectorRegistry, Counter, Histogram

from django_notification_system.contrib.prometheus import counting
from django_notification_system.contrib.prometheus.file import CountsFile, read_families
from django_notification_system.models import TargetUserRecord
from tests.conftest import MakeDue
from tests.support.email_support import run
from tests.support.metrics_support import BEARER, TOKEN, counted, metrics_view
from tests.support.scrapes import Samples, samples_of

__all__ = ["counted", "metrics_view"]  # the fixtures


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def counter(registry: CollectorRegistry) -> Counter:
    return make_counter(registry)


def make_counter(registry: CollectorRegistry) -> Counter:
    return Counter("notification_system_x", "Some.", ["target"], registry=registry)


def test_the_file_adds_up_what_several_processes_count(tmp_path: Path) -> None:
    file = tmp_path / "notifications.prom"
    for _ in range(3):  # as new as a process that cron has just started
        registry = CollectorRegistry()
        counts = CountsFile(registry)
        counter = make_counter(registry)
        seconds = Histogram("notification_system_y", "How long.", registry=registry, buckets=(1, 5))
        counter.labels('Fax "é"\n\\').inc()
        seconds.observe(0.5)
        counts.add(file)
        seconds.observe(3)
        counts.add(file)
        counts.add(file)
    text = file.read_text(encoding="utf-8")
    samples = samples_of(text)
    assert samples == {
        'x_total{target=Fax "é"\n\\}': 3,
        "y_bucket{le=1.0}": 3,
        "y_bucket{le=5.0}": 6,
        "y_bucket{le=+Inf}": 6,
        "y_count{}": 6,
        "y_sum{}": 10.5,
    }
    assert text.index('le="1.0"') < text.index('le="5.0"') < text.index('le="+Inf"')
    assert {path.name for path in tmp_path.iterdir()} == {file.name, f"{file.name}.lock"}


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "notifications.prom"

    def count() -> None:
        registry = CollectorRegistry()  # as each process has its own
        counts = CountsFile(registry)
        counter = make_counter(registry)
        for _ in range(25):
            counter.labels("Fax").inc()
            counts.add(file)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert samples_of(file.read_text()) == {"x_total{target=Fax}": 100}


def test_a_damaged_file_is_begun_anew(
    tmp_path: Path, registry: CollectorRegistry, counter: Counter
) -> None:
    file = tmp_path / "notifications.prom"
    file.write_text('notification_system_x_total{target="Fax"')
    assert read_families(file) == []
    counts = CountsFile(registry)
    counter.labels("Fax").inc()
    counts.add(file)
    assert samples_of(file.read_text()) == {"x_total{target=Fax}": 1}


def test_what_cannot_be_written_is_written_later(
    tmp_path: Path,
    loft: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    counted: Callable[[], Samples],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counting, "WRITE_EVERY_SECONDS", 0)
    folder = tmp_path / "not yet"
    settings.NOTIFICATION_SYSTEM_PROMETHEUS = {"FILE": folder / "notifications.prom"}
    make_due(loft, title="one")
    run()
    assert "Metrics cannot be written" in caplog.text
    folder.mkdir()
    make_due(loft, title="two")
    run()
    samples = samples_of((folder / "notifications.prom").read_text())
    assert samples["attempts_total{category=,outcome=delivered,target=Loft}"] == 2


def test_many_small_batches_are_written_together(
    tmp_path: Path,
    loft: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    counted: Callable[[], Samples],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counting, "WRITE_EVERY_SECONDS", 3)
    file = tmp_path / "notifications.prom"
    settings.NOTIFICATION_SYSTEM_PROMETHEUS = {"FILE": file}
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 1}
    for number in range(5):
        make_due(loft, title=f"{number}")
    run()
    delivered = "attempts_total{category=,outcome=delivered,target=Loft}"
    assert samples_of(file.read_text())[delivered] == 1
    deadline = time.monotonic() + 120
    while samples_of(file.read_text())[delivered] < 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_process_that_holds_the_file_holds_up_no_delivery(
    tmp_path: Path, registry: CollectorRegistry, counter: Counter
) -> None:
    from django.core.files import locks

    file = tmp_path / "notifications.prom"
    counts = CountsFile(registry)
    counter.labels("Fax").inc()
    with (tmp_path / "notifications.prom.lock").open("a") as guard:
        assert locks.lock(guard, locks.LOCK_EX)
        with pytest.raises(TimeoutError, match="another process holds its lock"):
            counts.add(file)
    counts.add(file)
    assert samples_of(file.read_text()) == {"x_total{target=Fax}": 1}


@pytest.mark.django_db
def test_the_view_shows_the_file_beside_the_queue(
    metrics_view: None,
    client: Client,
    settings: Any,
    tmp_path: Path,
    registry: CollectorRegistry,
    counter: Counter,
) -> None:
    file = tmp_path / "notifications.prom"
    settings.NOTIFICATION_SYSTEM_PROMETHEUS = {"TOKEN": TOKEN, "FILE": str(file)}
    counts = CountsFile(registry)
    counter.labels("Fax").inc(5)
    counts.add(file)
    file.write_text(file.read_text() + "# TYPE stranger counter\nstranger_total 1\n")
    answer = client.get("/metrics/", headers={"Authorization": BEARER})
    samples = samples_of(answer.content.decode())
    assert samples["x_total{target=Fax}"] == 5
    assert "due{status=scheduled,target=Email}" in samples
    assert b"stranger" not in answer.content
