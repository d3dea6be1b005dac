"""Shared by the tests of metrics for Prometheus."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from django.urls import include, path
from prometheus_client import generate_latest

from django_notification_system.contrib.prometheus import counting
from django_notification_system.observing import observers
from tests.support.scrapes import Samples, samples_of

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
    """A function that returns the counts since the test began, without zeros."""
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
