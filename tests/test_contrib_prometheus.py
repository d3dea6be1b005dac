"""Metrics for Prometheus: what is counted, what a scrape costs, and who may have it."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import OperationalError
from django.test import Client
from django.urls import include, path
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from django_notification_system.contrib.prometheus import checks as metrics_checks
from django_notification_system.contrib.prometheus import counting, queue
from django_notification_system.contrib.prometheus.file import CountsFile, read_families
from django_notification_system.contrib.prometheus.queue import QueueCollector
from django_notification_system.delivery import observers
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.testing.providers import Answer, ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.email_support import run
from tests.scrapes import Samples, samples_of, scrape

TOKEN = "a-token-that-nobody-guesses"
BEARER = f"Bearer {TOKEN}"


@pytest.fixture
def metrics_view(settings: Any) -> None:
    """The view at ``/metrics/``, which takes a token and keeps nothing."""
    urls = ModuleType("metrics_project_urls")
    prefix = "django_notification_system.contrib.prometheus.urls"
    vars(urls)["urlpatterns"] = [path("metrics/", include(prefix))]
    settings.ROOT_URLCONF = urls
    settings.NOTIFICATION_SYSTEM_PROMETHEUS = {"TOKEN": TOKEN, "CACHE_SECONDS": 0}


@pytest.fixture
def counted() -> Iterator[Callable[[], Samples]]:
    """A function that returns what was counted since the test began, but for nought."""
    for metric in (
        counting.ATTEMPTS,
        counting.NOT_ATTEMPTED,
        counting.CALL_SECONDS,
        counting.DELAY_SECONDS,
    ):
        metric.clear()
    observer = counting.Counting()
    observers.add_observer(observer)
    yield lambda: {
        name: value
        for name, value in samples_of(generate_latest(counting.registry).decode()).items()
        if value and "_created" not in name and "_bucket" not in name and "_sum" not in name
    }
    observers.remove_observer(observer)


# --- Attempts -------------------------------------------------------------------------------


def test_attempts_are_counted_by_target_and_outcome(
    loft: TargetUserRecord, make_due: MakeDue, counted: Callable[[], Samples]
) -> None:
    for title in ("a", "b", "retry", "fail", "fog"):
        make_due(loft, title=title)
    make_due(loft, title="late", expires_at=timezone.now() - timedelta(seconds=1))
    run()
    assert counted() == {
        "attempts_total{outcome=delivered,target=Loft}": 2,
        "attempts_total{outcome=retrying,target=Loft}": 2,
        "attempts_total{outcome=failed,target=Loft}": 1,
        "not_attempted_total{outcome=expired,target=Loft}": 1,
        "delivery_delay_seconds_count{target=Loft}": 2,
    }


@pytest.mark.parametrize(
    ("title", "outcome"), [("gone", "inactive"), ("stop", "opted_out"), ("forget", "retrying")]
)
def test_each_status_has_an_outcome(
    loft: TargetUserRecord,
    make_due: MakeDue,
    counted: Callable[[], Samples],
    title: str,
    outcome: str,
) -> None:
    make_due(loft, title=title)
    run()
    assert counted() == {f"attempts_total{{outcome={outcome},target=Loft}}": 1}


def test_opted_out_users_are_no_attempts(
    email: TargetUserRecord, user: Any, make_due: MakeDue, counted: Callable[[], Samples]
) -> None:
    make_due(email)
    NotificationOptOut.objects.bulk_create([NotificationOptOut(user=user, active=True)])
    run()
    assert counted() == {"not_attempted_total{outcome=opted_out,target=Email}": 1}


def test_the_delay_is_from_when_it_was_due(
    loft: TargetUserRecord, make_due: MakeDue, counted: Callable[[], Samples]
) -> None:
    make_due(loft, scheduled_delivery=timezone.now() - timedelta(hours=2))
    run()
    samples = samples_of(generate_latest(counting.registry).decode())
    assert samples["delivery_delay_seconds_sum{target=Loft}"] == pytest.approx(7200, abs=60)


def test_calls_of_every_built_in_provider_are_timed(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    mail_server: SmtpStandIn,
    counted: Callable[[], Samples],
) -> None:
    for record in records.values():
        make_due(record)
        make_due(record, title="The other")
    run()
    calls = {name: value for name, value in counted().items() if "call" in name}
    assert calls == {
        "provider_call_seconds_count{result=ok,target=Email}": 2,
        "provider_call_seconds_count{result=ok,target=Twilio}": 2,
        "provider_call_seconds_count{result=ok,target=Expo}": 1,  # both in one request
    }


def test_calls_that_fail_are_timed_apart(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    mail_server: SmtpStandIn,
    counted: Callable[[], Samples],
) -> None:
    mail_server.answer("RCPT", "550 5.7.1 Refused by policy")
    too_many = {"code": 20429, "message": "Too many", "status": 429}
    providers.answers.append(Answer(status=429, json=too_many))
    make_due(records["Email"])
    make_due(records["Twilio"])
    run()
    calls = {name: value for name, value in counted().items() if "call" in name}
    assert calls == {
        "provider_call_seconds_count{result=error,target=Email}": 1,
        "provider_call_seconds_count{result=error,target=Twilio}": 1,
    }


def test_what_breaks_while_counting_harms_no_delivery(
    loft: TargetUserRecord, make_due: MakeDue, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(observers.Observer):
        def __getattribute__(self, name: str) -> Any:
            if name in vars(observers.Observer) and not name.startswith("__"):
                raise RuntimeError("Out of paper.")
            return super().__getattribute__(name)

    broken = Broken()
    observers.add_observer(broken)
    try:
        notification = make_due(loft)
        run()
    finally:
        observers.remove_observer(broken)
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert "Broken failed to note that recorded." in caplog.text


# --- The queue ------------------------------------------------------------------------------


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
    assert samples["target_held{target=Email}"] == 0
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
    assert samples["target_held{target=Loft}"] == 0
    assert samples["target_held{target=Email}"] == 1


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
    assert asked.acquire(timeout=5)
    first = threading.Thread(target=collector.collect)
    first.start()
    assert asked.acquire(timeout=5)  # now it waits for the database
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


# --- Who may scrape -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", [None, "Bearer wrong", TOKEN, f"Basic {TOKEN}", "Bearer ", f"Bearer {TOKEN}\u00e9"]
)
def test_without_the_token_nothing_is_shown(
    metrics_view: None, client: Client, header: str | None
) -> None:
    answer = client.get("/metrics/", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert b"due" not in answer.content


@pytest.mark.parametrize("header", ["Bearer ", "Bearer None", "Bearer"])
def test_without_a_token_in_the_settings_no_header_opens_it(
    metrics_view: None, client: Client, settings: Any, header: str
) -> None:
    for values in ({}, {"TOKEN": None}, {"TOKEN": ""}):
        settings.NOTIFICATION_SYSTEM_PROMETHEUS = values
        answer = client.get("/metrics/", headers={"Authorization": header})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"is_staff": True, "is_superuser": True}, 200),
        ({"is_staff": True}, 403),
        ({"is_superuser": True}, 403),
        ({}, 403),
    ],
)
def test_staff_who_may_see_notifications_see_the_metrics(
    metrics_view: None,
    client: Client,
    settings: Any,
    user: Any,
    fields: dict[str, bool],
    status: int,
) -> None:
    settings.NOTIFICATION_SYSTEM_PROMETHEUS = {}
    for name, value in fields.items():
        setattr(user, name, value)
    user.save()
    client.force_login(user)
    assert client.get("/metrics/").status_code == status


def test_projects_where_everybody_must_log_in_can_be_scraped(
    metrics_view: None, client: Client, settings: Any, db: None
) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert client.get("/metrics/", headers={"Authorization": BEARER}).status_code == 200


def test_projects_without_logins_can_be_scraped(
    metrics_view: None, client: Client, settings: Any, db: None
) -> None:
    settings.MIDDLEWARE = []
    assert client.get("/metrics/").status_code == 401
    assert client.get("/metrics/", headers={"Authorization": BEARER}).status_code == 200


def test_nothing_can_be_posted_and_nothing_is_kept_on_the_way(
    metrics_view: None, client: Client, db: None
) -> None:
    assert client.post("/metrics/").status_code == 405
    answer = client.get("/metrics/", headers={"Authorization": BEARER})
    assert "no-store" in answer["Cache-Control"]


# --- The file -------------------------------------------------------------------------------


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
    assert samples["attempts_total{outcome=delivered,target=Loft}"] == 2


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
    delivered = "attempts_total{outcome=delivered,target=Loft}"
    assert samples_of(file.read_text())[delivered] == 1
    deadline = time.monotonic() + 10
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


# --- Settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["TOKEN"], "E001"),
        ({"TOKEN": 5}, "E002"),
        ({"TOKEN": "with a space and more"}, "E002"),
        ({"TOKEN": ""}, "E002"),
        ({"TOKEN": "short"}, "W002"),
        ({"CACHE_SECONDS": -1}, "E002"),
        ({"CACHE_SECONDS": float("nan")}, "E002"),
        ({"CACHE_SECONDS": True}, "E002"),
        ({"FILE": 5}, "E002"),
        ({"FILE": ""}, "E002"),
        ({"FILE": "/there/is/no/such/folder/x.prom"}, "E003"),
        ({"WATCH_PORT": 0}, "E002"),
        ({"WATCH_PORT": 65_536}, "E002"),
        ({"WATCH_PORT": "9464"}, "E002"),
        ({"WATCH_ADDRESS": None}, "E002"),
        ({"TOKENS": TOKEN}, "W001"),
    ],
)
def test_wrong_settings_are_named(settings: Any, values: Any, said: str) -> None:
    settings.NOTIFICATION_SYSTEM_PROMETHEUS = values
    [found] = [each for each in run_checks() if "PROMETHEUS" in each.msg]
    assert found.id == f"django_notification_system_prometheus.{said}"
    assert TOKEN not in str(found)


def test_right_settings_are_fine(settings: Any, tmp_path: Path) -> None:
    for values in (
        None,
        {},
        {"TOKEN": None, "FILE": None, "WATCH_PORT": None},
        {"TOKEN": TOKEN, "CACHE_SECONDS": 0.5, "FILE": tmp_path / "x.prom", "WATCH_PORT": 9464},
    ):
        settings.NOTIFICATION_SYSTEM_PROMETHEUS = values
        assert metrics_checks.check_prometheus() == []
