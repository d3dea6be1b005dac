"""Metrics of the queue: what a scrape shows, and what it costs."""

import threading
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest

from django_notification_system.contrib.prometheus import queue
from django_notification_system.contrib.prometheus.queue import QueueCollector
from django_notification_system.models import (
    NotificationTarget,
    TargetUserRecord,
)
from tests.conftest import MakeDue
from tests.support.metrics_support import BEARER, metrics_view
from tests.support.scrapes import Samples, samples_of, scrape

__all__ = ["metrics_view"]  # the fixture


@pytest.fixture
def filled(loft: TargetUserRecord, email: TargetUserRecord, make_due: MakeDue) -> None:
    """Something due, later, retried and claimed, and a paused target."""
    now = timezone.now()
    make_due(loft, title="old", scheduled_delivery=now - timedelta(minutes=10))
    make_due(loft, title="new", scheduled_delivery=now - timedelta(minutes=1))
    make_due(loft, title="again", status="RETRY", scheduled_delivery=now - timedelta(minutes=5))
    make_due(loft, title="later", scheduled_delivery=now + timedelta(minutes=5))
    make_due(loft, title="then", status="RETRY", scheduled_delivery=now + timedelta(minutes=5))
    make_due(loft, title="done", status="DELIVERED")
    make_due(loft, title="held", claim_token=uuid.uuid4(), claimed_until=now + timedelta(minutes=5))
    NotificationTarget.objects.filter(name="Email").update(paused_until=now + timedelta(minutes=5))


def assert_queue(samples: Samples) -> None:
    assert samples["database_up{}"] == 1
    assert samples["due{status=scheduled,target=Loft}"] == 3
    assert samples["due{status=retry,target=Loft}"] == 1
    assert samples["scheduled_later{status=scheduled,target=Loft}"] == 1
    assert samples["scheduled_later{status=retry,target=Loft}"] == 1
    assert samples["oldest_due_seconds{target=Loft}"] == pytest.approx(600, abs=60)
    assert samples["claimed{target=Loft}"] == 1
    assert samples["target_paused{target=Loft}"] == 0
    assert samples["target_paused{target=Email}"] == 1
    assert samples["target_blocked{target=Email}"] == 0
    # A target of which nothing waits is there too: what is absent cannot be alerted on.
    assert samples["due{status=scheduled,target=Twilio}"] == 0
    assert samples["oldest_due_seconds{target=Twilio}"] == 0


@pytest.mark.parametrize("accept", ["text/plain;version=0.0.4", "application/openmetrics-text"])
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_scrape_over_http_shows_the_queue(
    metrics_view: None, filled: None, live_server: Any, accept: str
) -> None:
    assert_queue(scrape(f"{live_server.url}/metrics/", accept=accept, Authorization=BEARER))


def test_held_targets_are_shown(filled: None, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"loft": "the shed"}}
    samples = samples_of(generate_latest(registry_of(QueueCollector())).decode())
    assert samples["target_blocked{target=Loft}"] == 0
    assert samples["target_blocked{target=Email}"] == 1


def test_a_scrape_is_five_queries_however_many_targets_there_are(
    metrics_view: None, filled: None, client: Client, django_assert_num_queries: Any
) -> None:
    for _ in range(2):
        with django_assert_num_queries(5):
            answer = client.get("/metrics/", headers={"Authorization": BEARER})
            assert_queue(samples_of(answer.content.decode()))
        for name in ("Fax", "Pager", "Semaphore"):
            NotificationTarget.objects.get_or_create(name=name, notification_module_name=name)


def test_a_scrape_soon_after_another_asks_nothing(
    metrics_view: None, filled: None, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.NOTIFICATION_SYSTEM_PROMETHEUS = {"CACHE_SECONDS": 60}
    collector = QueueCollector()
    with django_assert_num_queries(5):
        first = collector.collect()
    with django_assert_num_queries(0):
        assert collector.collect() is first
    settings.NOTIFICATION_SYSTEM_PROMETHEUS = {"CACHE_SECONDS": 0.01}
    time.sleep(0.02)
    with django_assert_num_queries(5):
        collector.collect()


def test_a_storm_of_scrapes_asks_once_at_a_time(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOTIFICATION_SYSTEM_PROMETHEUS = {"CACHE_SECONDS": 0}
    asked, go_on = threading.Semaphore(0), threading.Event()
    go_on.set()

    def slow(using: str) -> list[Any]:
        asked.release()
        assert go_on.wait(20)
        return [object()]

    monkeypatch.setattr(queue, "queue_families", slow)
    collector = QueueCollector()
    known = collector.collect()
    go_on.clear()
    assert asked.acquire(timeout=60)
    first = threading.Thread(target=collector.collect)
    first.start()
    assert asked.acquire(timeout=60)  # now it waits for the database
    assert collector.collect() is known
    go_on.set()
    first.join()
    assert not asked.acquire(blocking=False)


def test_a_database_out_of_reach_is_a_metric_and_no_error(
    metrics_view: None, client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def refuse(using: str) -> Any:
        raise OperationalError("could not connect to server")

    monkeypatch.setattr(queue, "queue_families", refuse)
    answer = client.get("/metrics/", headers={"Authorization": BEARER})
    assert samples_of(answer.content.decode()) == {"database_up{}": 0}


@pytest.mark.django_db
def test_registering_the_queue_asks_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        registry_of(QueueCollector())


def registry_of(*collectors: Any) -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return registry
