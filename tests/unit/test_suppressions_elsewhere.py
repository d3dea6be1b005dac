"""Suppressions from a process that lacks a target's client: found by the others, or refused."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.core.management import CommandError, call_command
from django.test import Client

from django_notification_system import notify
from django_notification_system.categories import Category, known_categories
from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.preferences import suppress
from django_notification_system.preferences.links import unsubscribe_url
from django_notification_system.testing import assert_notified, use_outbox
from tests.support.admin_site import address
from tests.support.preferences_support import BASE_URL, serve_preferences

pytestmark = pytest.mark.django_db

CLIENT = "client_of_whistles"
WHISTLE = f"""
import {CLIENT}

def comparable_address(address):
    return address.lower().replace(" ", "")

def deliver(notifications):
    raise NotImplementedError
"""


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(Category("news", label="News")):
        yield


@pytest.fixture
def whistle(settings: Any, tmp_path: Path) -> TargetUserRecord:
    """A record of nobody's in a target whose module needs a client."""
    (tmp_path / "whistle.py").write_text(WHISTLE)
    settings.NOTIFICATION_SYSTEM_HANDLERS = [tmp_path]
    target = NotificationTarget.objects.create(name="Whistle", notification_module_name="whistle")
    return TargetUserRecord.objects.create(
        target=target, target_user_id="North Tower", description="Given"
    )


@pytest.fixture
def client_there(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installs the client, as in another process."""
    return lambda: monkeypatch.setitem(sys.modules, CLIENT, ModuleType(CLIENT))


def test_an_address_that_this_process_cannot_compare_is_not_suppressed_in_vain(
    whistle: TargetUserRecord, client_there: Any
) -> None:
    with pytest.raises(TargetUnavailable, match=rf"'whistle' cannot be compared.*{CLIENT}"):
        suppress("whistle", "NORTH tower", reason="manual")
    assert not Suppression.objects.exists()

    client_there()
    made = suppress("whistle", "NORTH tower", reason="manual")
    assert suppress("whistle", "North  Tower", reason="manual").pk == made.pk


def test_a_link_opened_in_such_a_process_asks_to_come_again(
    whistle: TargetUserRecord, client_there: Any, settings: Any
) -> None:
    serve_preferences(settings)
    path = unsubscribe_url(whistle, "news").removeprefix(BASE_URL)
    client = Client(raise_request_exception=False)
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 503

    client_there()
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert Suppression.objects.get().address == "North Tower"


@pytest.mark.parametrize("way", ["page", "action"])
def test_the_admin_of_such_a_process_says_why_nothing_is_lifted(
    whistle: TargetUserRecord, admin_client: Client, way: str
) -> None:
    row = Suppression.objects.create(
        target_key="whistle", address="North", address_hash="0" * 64, reason="manual"
    )
    if way == "page":
        page = admin_client.post(address(Suppression, "delete", row.pk), {"post": "yes"})
    else:
        values = {"action": "lift_selected", "_selected_action": row.pk, "confirmed": "yes"}
        page = admin_client.post(address(Suppression), values)
    said = [str(each) for each in get_messages(page.wsgi_request)]
    assert any("cannot be compared in this process" in each for each in said), said
    assert Suppression.objects.exists()
    assert not LogEntry.objects.exists()


def test_such_a_process_notifies_and_leaves_the_question_to_the_delivering_process(
    whistle: TargetUserRecord, user: Any
) -> None:
    TargetUserRecord.objects.create(
        target=whistle.target, user=user, target_user_id="South", description="Own"
    )
    Suppression.objects.create(
        target_key="whistle", address="East", address_hash="0" * 64, reason="manual"
    )
    notify(user, "Harvest", "Grain.", target="Whistle", category="news")
    assert Notification.objects.get().status == "SCHEDULED"
    with use_outbox(), pytest.raises(AssertionError, match="Whistle: South"):
        assert_notified(user)


def test_such_a_process_erases_and_exports_nobody_by_half(
    whistle: TargetUserRecord, user: Any
) -> None:
    TargetUserRecord.objects.filter(pk=whistle.pk).update(user=user)
    for command in ("erase_notification_data", "export_notification_data"):
        with pytest.raises(CommandError, match="cannot be compared"):
            call_command(command, "egg", verbosity=0)
    assert TargetUserRecord.objects.filter(pk=whistle.pk).exists()


def test_the_admin_says_why_such_a_process_cannot_suppress(
    whistle: TargetUserRecord, admin_client: Client
) -> None:
    page = "/admin/django_notification_system/suppression/"
    given = {"target_key": "whistle", "address": "North", "category": "", "note": ""}
    answer = admin_client.post(f"{page}add/", given)
    assert answer.status_code == 200
    assert "cannot be compared" in answer.content.decode()
    assert admin_client.get(page, {"q": "North"}).status_code == 200
