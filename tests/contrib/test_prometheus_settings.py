"""Settings of the metrics, and what is said of wrong ones."""

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks

from django_notification_system.contrib.prometheus import checks as metrics_checks
from tests.support.metrics_support import TOKEN


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
        ({"CACHE_SECONDS": 10**4400}, "E002"),
        ({"WATCH_PORT": 10**4400}, "E002"),
        ({10**4400: 1}, "W001"),
        ({"FILE": "/" + "x" * 5000 + "/x.prom"}, "E003"),
        ({"FILE": "a\x00b/x.prom"}, "E003"),
    ],
    ids=lambda value: str(type(value)),
)
def test_wrong_settings_are_named(settings: Any, values: Any, said: str) -> None:
    settings.NOTIFICATION_SYSTEM_PROMETHEUS = values
    [found] = [each for each in run_checks() if "PROMETHEUS" in each.msg]
    assert found.id == f"django_notification_system_prometheus.{said}"
    assert TOKEN not in str(found)


def test_a_misspelt_option_is_told_from_what_was_meant(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_PROMETHEUS = {"TOKENS": TOKEN}
    [found] = metrics_checks.check_prometheus()
    assert str(found.hint).startswith("Did you mean 'TOKEN'?")


def test_right_settings_are_fine(settings: Any, tmp_path: Path) -> None:
    for values in (
        None,
        {},
        {"TOKEN": None, "FILE": None, "WATCH_PORT": None},
        {"TOKEN": TOKEN, "CACHE_SECONDS": 0.5, "FILE": tmp_path / "x.prom", "WATCH_PORT": 9464},
    ):
        settings.NOTIFICATION_SYSTEM_PROMETHEUS = values
        assert metrics_checks.check_prometheus() == []
