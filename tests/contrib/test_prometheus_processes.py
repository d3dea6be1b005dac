"""Metrics of whole processes: what cron starts, and what watches."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from tests.support.ports import free_port
from tests.support.scrapes import Samples, samples_of, scrape
from tests.support.site import SITE, Project, set_up, start_project

__all__ = ["set_up", "start_project"]  # the fixtures
from tests.support.subprocesses import environment_of

ATTEMPTS = "attempts_total{category=,outcome=delivered,target=Email}"
CALLS = "provider_call_seconds_count{result=ok,target=Email}"


def prometheus(**values: Any) -> dict[str, str]:
    return {"PROJECT_PROMETHEUS": json.dumps(values)}


def make_due(project: Project) -> None:
    project.shell(
        "Notification.objects.filter(title='Later').update(scheduled_delivery=timezone.now())"
    )


def test_counts_go_on_from_one_cron_run_to_the_next(
    start_project: Callable[..., Project], tmp_path: Path
) -> None:
    project = start_project("metrics")
    file = tmp_path / "notifications.prom"
    settings = prometheus(FILE=str(file))
    project.manage("process_notifications", **settings)
    first = samples_of(file.read_text())
    assert (first[ATTEMPTS], first[CALLS]) == (1, 1)
    make_due(project)
    project.manage("process_notifications", **settings)
    second = samples_of(file.read_text())
    assert (second[ATTEMPTS], second[CALLS]) == (2, 2)
    assert second["attempts_total{category=,outcome=delivered,target=Expo}"] == 2
    assert second["provider_call_seconds_count{result=ok,target=Twilio}"] == 2


def test_a_watching_process_serves_its_counts_and_the_queue(
    start_project: Callable[..., Project],
) -> None:
    project = start_project("metrics")
    port = free_port()
    settings = prometheus(WATCH_PORT=port, CACHE_SECONDS=0)
    watching = subprocess.Popen(
        [sys.executable, "-m", "django", "process_notifications", "--watch", "--interval", "0.2"],
        cwd=SITE,
        env=environment_of({**project.environment, **settings}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        # The queue is looked at a moment before the counts.
        samples = scrape_until(
            port,
            lambda samples: (
                samples.get(ATTEMPTS) == 1 and samples["due{status=scheduled,target=Email}"] == 0
            ),
        )
        assert samples["scheduled_later{status=scheduled,target=Email}"] == 1
        make_due(project)
        samples = scrape_until(port, lambda samples: samples.get(ATTEMPTS) == 2)
        assert samples[CALLS] == 2
        # The port is taken: a second one says so, and delivers.
        second = project_with_short_watch(project, settings)
        assert f"Metrics cannot be served on 127.0.0.1:{port}" in second
    finally:
        watching.terminate()
        _, errors = watching.communicate(timeout=120)
    assert watching.returncode == 0, errors
    assert "Traceback" not in errors, errors


def scrape_until(port: int, is_there: Callable[[Samples], bool]) -> Samples:
    deadline = time.monotonic() + 90
    while True:
        try:
            samples = scrape(f"http://127.0.0.1:{port}/metrics")
            if is_there(samples):
                return samples
        except requests.ConnectionError:
            samples = {}
        assert time.monotonic() < deadline, samples
        time.sleep(0.1)


def project_with_short_watch(project: Project, settings: dict[str, str]) -> str:
    """Let another process watch until it has looked once, and return what it said."""
    code = """
import logging; logging.basicConfig()
import django; django.setup()
from django_notification_system.delivery.runs.watch import Watch
watch = Watch(interval=1, on_problem=print)
for attempt in watch:
    if attempt is None:
        watch.stop()
"""
    return project.run("-c", code, **settings).stderr
