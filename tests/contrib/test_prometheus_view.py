"""Who may scrape the metrics."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.metrics_support import BEARER, TOKEN, metrics_view

__all__ = ["metrics_view"]  # the fixture


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


def test_a_file_that_cannot_be_read_hides_only_its_own_counts(
    metrics_view: None, client: Client, db: None, settings: Any, tmp_path: Path, caplog: Any
) -> None:
    settings.NOTIFICATION_SYSTEM_PROMETHEUS["FILE"] = tmp_path  # a folder
    answer = client.get("/metrics/", headers={"Authorization": BEARER})
    assert answer.status_code == 200
    assert b"notification_system_database_up 1.0" in answer.content
    assert f"{tmp_path} cannot be read" in caplog.text
