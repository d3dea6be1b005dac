"""Who may see and change what in the admin, and at which addresses."""

from typing import Any

import pytest
from django.test import Client

from django_notification_system.models import NotificationOptOut, TargetUserRecord, UserTarget
from tests.conftest import MakeDue
from tests.support.admin_site import MODELS, Records, address, form_of, staff_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(admin_client: Client) -> Client:
    """A superuser's browser."""
    return admin_client


def test_user_targets_are_listed_at_the_documented_address(
    client: Client, records: Records
) -> None:
    response = client.get("/admin/django_notification_system/usertarget/")
    page = response.content.decode()
    assert "eggs@example.com" in page
    assert "ExponentPushToken[eggs-benedict]" in page
    assert response.context["title"] == "Select user target to change"


def test_index_shows_user_targets_once_and_not_the_old_name(client: Client) -> None:
    page = client.get("/admin/").content.decode()
    assert "User Targets" in page
    assert "/admin/django_notification_system/targetuserrecord/" not in page


def test_records_stay_at_the_address_of_release_1_5_3(client: Client, records: Records) -> None:
    page = client.get("/admin/django_notification_system/targetuserrecord/")
    assert "eggs@example.com" in page.content.decode()
    change = address(TargetUserRecord, "change", records["Email"].pk)
    assert client.get(change).status_code == 200


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("page", ["changelist", "add"])
def test_every_page_opens(client: Client, records: Records, model: Any, page: str) -> None:
    assert client.get(address(model, page)).status_code == 200


def test_permissions_of_records_open_user_targets(records: Records) -> None:
    record = records["Email"]
    editor = staff_client("view_targetuserrecord", "change_targetuserrecord")
    change = address(UserTarget, "change", record.pk)
    data = {**form_of(editor, change), "description": "A better one"}
    assert editor.post(change, data).status_code == 302
    record.refresh_from_db()
    assert record.description == "A better one"
    assert "User Targets" in editor.get("/admin/").content.decode()
    assert editor.get(address(UserTarget, "add")).status_code == 403
    assert editor.post(address(UserTarget, "delete", record.pk)).status_code == 403


def test_user_targets_are_closed_without_permissions(records: Records) -> None:
    outsider = staff_client("view_notification")
    assert outsider.get(address(UserTarget)).status_code == 403
    assert outsider.get(address(TargetUserRecord)).status_code == 403
    assert "User Targets" not in outsider.get("/admin/").content.decode()


def test_people_who_may_only_add_or_delete_records_can(records: Records) -> None:
    adder = staff_client("add_targetuserrecord")
    data = {
        "user": records["Email"].user_id,
        "target": records["Email"].target_id,
        "target_user_id": "second@example.com",
        "description": "Second",
        "active": "on",
    }
    assert adder.post(address(UserTarget, "add"), data).status_code == 302
    made = TargetUserRecord.objects.get(target_user_id="second@example.com")
    deleter = staff_client("delete_targetuserrecord", "view_targetuserrecord")
    deleter.post(address(UserTarget, "delete", made.pk), {"post": "yes"})
    assert not TargetUserRecord.objects.filter(pk=made.pk).exists()


def test_view_only_people_can_look_and_nothing_else(records: Records, make_due: MakeDue) -> None:
    notification = make_due(records["Email"], response="So it went")
    NotificationOptOut.objects.create(user=records["Email"].user)
    viewer = staff_client(
        "view_notification", "view_notificationtarget", "view_targetuserrecord",
        "view_notificationoptout",
    )  # fmt: skip
    for model in MODELS:
        row = model.objects.all()[0]
        change = address(model, "change", row.pk)
        page = viewer.get(change)
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        assert viewer.post(change, {"title": "Mine now"}).status_code == 403
        assert viewer.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    notification.refresh_from_db()
    assert notification.title == "Test notification"
