"""The pages about metrics name what there is, and their examples work."""

import re
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import fields
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.core.checks import run_checks
from django.test import Client, override_settings
from prometheus_client.core import GaugeMetricFamily

from django_notification_system.contrib.prometheus import checks, counting
from django_notification_system.contrib.prometheus.conf import PrometheusSettings
from django_notification_system.contrib.prometheus.queue import QueueCollector
from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.observing import observers, outcome_name
from tests.conftest import MakeDue
from tests.support.documentation import DOCS, EXAMPLES, process, run_example

PAGE = DOCS / "reference" / "metrics.rst"
HANDLER = EXAMPLES / "observed" / "telegraph.py"
ROW = r"\* - ``(notification_system_\w+)``\n\s+-(.*)\n"


@pytest.mark.django_db
def test_reference_has_every_metric_with_its_labels_and_no_other() -> None:
    there = {}
    for family in QueueCollector().collect():
        assert isinstance(family, GaugeMetricFamily)
        there[family.name] = list(family._labelnames)
    for metric in (
        counting.ATTEMPTS,
        counting.NOT_ATTEMPTED,
        counting.CALL_SECONDS,
        counting.DELAY_SECONDS,
    ):
        name = metric._name + "_total" * (metric._type == "counter")
        there[name] = list(metric._labelnames)
    shown = dict(re.findall(ROW, PAGE.read_text()))
    assert {name: re.findall(r"``(\w+)``", names) for name, names in shown.items()} == there


def test_reference_has_every_outcome() -> None:
    outcomes = {*outcome_name.OUTCOMES.values(), outcome_name.OTHER_OUTCOME}
    assert {each for each in outcomes if f"``{each}``" not in PAGE.read_text()} == set()


def test_reference_has_every_setting_and_check_of_metrics() -> None:
    text = PAGE.read_text()
    for field in fields(PrometheusSettings):
        default = re.escape(repr(field.default).replace("'", '"'))
        assert re.search(rf"\* - ``{field.name.upper()}``\n\s+- ``{default}``\n", text), field.name
    assert {field.name.upper() for field in fields(PrometheusSettings)} == set(checks.RULES)
    source = (DOCS.parent / "django_notification_system/contrib/prometheus/checks.py").read_text()
    known = {
        f"{kind[0].upper()}{int(number):03}"
        for kind, number in re.findall(r"_(error|warning)\(\s*(\d+)", source)
    }
    assert len(known) > 4
    assert set(re.findall(r"system_prometheus\.([EW]\d+)", text)) == known


def test_alerts_ask_for_metrics_that_there_are() -> None:
    text = PAGE.read_text()
    names = set(re.findall(r"notification_system_\w+", (EXAMPLES / "alerts.yml").read_text()))
    assert len(names) == 4
    assert {name for name in names if f"``{name}``" not in text} == set()


@pytest.mark.django_db
def test_settings_and_urls_for_metrics_serve_prometheus(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, client: Client
) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "a-token-that-nobody-guesses")
    shown = run_example("metrics_settings.py")
    urls = ModuleType("shown_urls")
    vars(urls).update(run_example("metrics_urls.py"))
    settings.ROOT_URLCONF = urls
    settings.NOTIFICATION_SYSTEM_PROMETHEUS = {
        **shown["NOTIFICATION_SYSTEM_PROMETHEUS"],
        "FILE": tmp_path / "notifications.prom",  # the shown folder is the reader's
    }
    apps = [*project_settings.INSTALLED_APPS, *shown["INSTALLED_APPS"]]
    scraping = (EXAMPLES / "prometheus.yml").read_text()
    (path,) = re.findall(r"metrics_path: (\S+)", scraping)
    try:
        with override_settings(INSTALLED_APPS=list(dict.fromkeys(apps))):
            assert run_checks() == []
            assert client.get(path).status_code == 401
            bearer = {"Authorization": "Bearer a-token-that-nobody-guesses"}
            answer = client.get(path, headers=bearer)
    finally:
        observers.remove_observer(counting.counting)
    assert b'notification_system_due{status="scheduled",target="Email"}' in answer.content


class Telegraph(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(b"STOP\n" if line != b"lost\n" else b"\n")


@pytest.fixture
def telegraph(user: Any, settings: Any) -> Iterator[TargetUserRecord]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Telegraph) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        host, port = server.server_address
        settings.NOTIFICATION_SYSTEM_HANDLERS = [HANDLER.parent]
        settings.NOTIFICATION_SYSTEM_TARGETS = {"telegraph": {"host": host, "port": port}}
        target = NotificationTarget.objects.create(
            name="Telegraph", notification_module_name="telegraph"
        )
        yield TargetUserRecord.objects.create(
            user=user, target=target, target_user_id="north tower", description="Wire"
        )
        server.shutdown()


def test_a_handler_of_ones_own_times_its_calls(
    telegraph: TargetUserRecord, make_due: MakeDue
) -> None:
    ended: list[tuple[str, str, str]] = []

    class Observer(observers.Observer):
        def call_ended(self, call: observers.WatchedCall) -> None:
            ended.append((call.system, call.server, call.error))

    observer = Observer()
    observers.add_observer(observer)
    try:
        for title in ("hello", "lost"):
            make_due(telegraph, title=title)
        assert "1 Delivered" in process()
    finally:
        observers.remove_observer(observer)
    assert sorted(ended) == [
        ("telegraph", "127.0.0.1", ""),
        ("telegraph", "127.0.0.1", "not acknowledged"),
    ]
