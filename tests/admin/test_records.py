"""Targets, records and opt-outs in the admin."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
    UserTarget,
)
from tests.conftest import MakeDue
from tests.support.admin_site import Records, address, errors_of, form_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(admin_client: Client) -> Client:
    """A superuser's browser."""
    return admin_client


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        ({"active": "on"}, 0),
        ({"target_user_id": "other@example.com"}, 0),
        ({"description": "Work"}, 3),
    ],
)
def test_an_address_that_a_person_vouches_for_has_not_bounced(
    change: dict[str, str], counted: int, client: Client, records: Records
) -> None:
    record = records["Email"]
    TargetUserRecord.objects.update(hard_bounces=3, active=False)
    url = address(UserTarget, "change", record.pk)
    assert client.post(url, {**form_of(client, url), **change}).status_code == 302
    record.refresh_from_db()
    assert record.hard_bounces == counted


def test_a_targets_pause_is_shown_and_can_be_ended(client: Client) -> None:
    target = NotificationTarget.objects.get(name="Email")
    until = timezone.now() + timedelta(minutes=5)
    NotificationTarget.objects.update(paused_until=until, pause_reason="No connection.")
    url = address(NotificationTarget, "change", target.pk)
    opened = form_of(client, url)
    assert opened["pause_reason"] == "No connection."
    ended = {"paused_until_0": "", "paused_until_1": "", "pause_reason": ""}
    assert client.post(url, {**opened, **ended}).status_code == 302
    target.refresh_from_db()
    assert (target.paused_until, target.pause_reason) == (None, "")


def test_text_of_users_is_escaped(client: Client, records: Records, make_due: MakeDue) -> None:
    attack = "<script>alert(1)</script>"
    notification = make_due(records["Email"], title=attack, body=attack, response=attack)
    TargetUserRecord.objects.update(description=attack)
    NotificationTarget.objects.create(name="<b>bold</b>", notification_module_name="nowhere")
    urls = [address(model) for model in (Notification, UserTarget, NotificationTarget)]
    for url in [*urls, address(Notification, "change", notification.pk)]:
        page = client.get(url).content.decode()
        assert attack not in page
        assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in client.get(address(NotificationTarget)).content.decode()


def test_targets_say_whether_their_handler_is_found(
    client: Client, settings: Any, tmp_path: Any
) -> None:
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "works.py").write_text("def send_notification(notification): return 'sent'\n")
    settings.NOTIFICATION_SYSTEM_HANDLERS = [str(tmp_path)]
    for name in ("broken", "empty", "works", "missing"):
        target = NotificationTarget.objects.create(name=name, notification_module_name=name)
    page = unescape(client.get(address(NotificationTarget)).content.decode())
    assert "No module named 'nothing_of_this_name'" in page
    assert "empty.py defines no deliver() or send_notification()" in page
    assert f"{tmp_path}/works.py" in page
    assert f"there is no module 'missing' in {tmp_path}" in page
    change = client.get(address(NotificationTarget, "change", target.pk)).content.decode()
    assert "there is no module" in change


def test_a_target_names_a_module_and_never_a_file(client: Client) -> None:
    data = {"name": "Files", "notification_module_name": "../settings"}
    response = client.post(address(NotificationTarget, "add"), data)
    assert list(errors_of(response)) == ["notification_module_name"]


def test_a_target_with_records_is_not_deleted(client: Client, records: Records) -> None:
    target = records["Email"].target
    client.post(address(NotificationTarget, "delete", target.pk), {"post": "yes"})
    assert NotificationTarget.objects.filter(pk=target.pk).exists()


def test_the_form_of_a_new_opt_out_says_what_it_does_and_does_it(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"])
    url = address(NotificationOptOut, "add")
    assert "The user is sent nothing, over any target" in client.get(url).content.decode()
    client.post(url, {**form_of(client, url), "user": records["Email"].user.pk})
    notification.refresh_from_db()
    assert notification.status == Notification.OPTED_OUT


@pytest.mark.parametrize("way", ["page", "action", "switched off"])
def test_opting_in_again_restores_notifications(
    client: Client, records: Records, make_due: MakeDue, way: str
) -> None:
    later = timezone.now() + timedelta(days=1)
    notification = make_due(records["Email"], scheduled_delivery=later)
    user = records["Email"].user
    client.post(address(NotificationOptOut, "add"), {"user": user.pk, "active": "on"})
    notification.refresh_from_db()
    assert notification.status == Notification.OPTED_OUT
    opt_out = NotificationOptOut.objects.get()
    if way == "page":
        client.post(address(NotificationOptOut, "delete", opt_out.pk), {"post": "yes"})
    elif way == "action":
        selected = {"action": "delete_selected", "_selected_action": opt_out.pk, "post": "yes"}
        client.post(address(NotificationOptOut), selected)
    else:
        url = address(NotificationOptOut, "change", opt_out.pk)
        data = form_of(client, url)
        assert data.pop("active") == "on"
        client.post(url, data)
    notification.refresh_from_db()
    assert notification.status == Notification.SCHEDULED
