"""Records without a user in the admin: listed apart, searched, added, and their notifications."""

import re
from typing import Any

import pytest
from django.test import Client

from django_notification_system.admin.listing import quick_search
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
    UserTarget,
)
from tests.conftest import MakeDue
from tests.support.admin_site import address, errors_of, form_of, staff_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(admin_client: Client) -> Client:
    """A superuser's browser."""
    return admin_client


@pytest.fixture
def guest() -> TargetUserRecord:
    """Ann, who has no account."""
    return TargetUserRecord.objects.create(
        target=NotificationTarget.objects.get(name="Email"),
        target_user_id="ann@example.com",
        description="Guest",
    )


def text_of(client: Client, url: str, **query: str) -> str:
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


def test_list_shows_records_apart(
    client: Client, guest: TargetUserRecord, email: TargetUserRecord
) -> None:
    url = address(UserTarget)
    everybody = text_of(client, url)
    assert "No account" in everybody
    assert guest.target_user_id in everybody
    assert email.target_user_id in everybody
    without = text_of(client, url, account="no")
    assert guest.target_user_id in without
    assert email.target_user_id not in without
    with_account = text_of(client, url, account="yes")
    assert guest.target_user_id not in with_account
    assert email.target_user_id in with_account


@pytest.mark.parametrize("query", [{"q": "ann@"}, {"q": "ANN"}, {"q": "example.com guest"}])
@pytest.mark.parametrize("extent", [{}, {"extent": "all"}])
def test_search_finds_an_address_without_a_user(
    query: dict[str, str],
    extent: dict[str, str],
    client: Client,
    guest: TargetUserRecord,
    make_due: MakeDue,
) -> None:
    assert guest.target_user_id in text_of(client, address(UserTarget), **query, **extent)
    make_due(guest, title="Welcome", body="-")
    found = text_of(client, address(Notification), q=query["q"].split()[0], **extent)
    assert "ann@example.com, Email" in found


def test_quick_search_finds_the_beginning_of_an_address_among_many_users(
    client: Client,
    guest: TargetUserRecord,
    django_user_model: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quick_search, "USERS_LOOKED_AT", 2)
    for number in range(4):
        django_user_model.objects.create_user(f"user-{number}")
    assert guest.target_user_id in text_of(client, address(UserTarget), q="ann@exam")


def test_page_of_a_notification_names_the_address_once(
    client: Client, guest: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(guest, title="Welcome")
    page = text_of(client, address(Notification, "change", notification.pk))
    assert "“Welcome” to ann@example.com, Email" in page
    assert "ann@example.com, Email, ann@example.com" not in page
    text_of(client, address(Notification, "preview", notification.pk))
    text_of(client, address(Notification, "history", notification.pk))


def test_record_leads_to_its_notifications(
    client: Client, guest: TargetUserRecord, email: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(guest, title="Welcome")
    make_due(email, title="Invoice")
    page = text_of(client, address(UserTarget, "change", guest.pk))
    found = re.search(r'<a href="([^"]*\?record=[^"]*)">1</a>', page)
    assert found
    listed = text_of(client, found[1])
    assert "Welcome" in listed
    assert "Invoice" not in listed


@pytest.mark.parametrize("key", ["nonsense", "00000000-0000-0000-0000-000000000000"])
def test_unknown_record_is_no_filter(key: str, client: Client) -> None:
    response = client.get(address(Notification), {"record": key})
    assert response.status_code == 302
    assert response["Location"].endswith("?e=1")


def test_whoever_may_see_no_record_learns_of_none(
    guest: TargetUserRecord, make_due: MakeDue
) -> None:
    client = staff_client("view_notification")
    response = client.get(address(Notification), {"record": str(guest.pk)})
    assert response.status_code == 302
    make_due(guest)
    assert client.get(address(Notification), {"record": str(guest.pk)}).status_code == 200


def test_record_without_a_user_is_added_once_and_changed(
    client: Client, guest: TargetUserRecord
) -> None:
    url = address(UserTarget, "add")
    form = form_of(client, url)
    form |= {"target": str(guest.target_id), "target_user_id": "Ann@example.com"}
    form |= {"description": "Guest", "active": "on"}
    refused = client.post(url, form)
    assert "A record without a user exists already" in str(errors_of(refused))
    assert client.post(url, {**form, "target_user_id": "bea@example.com"}).status_code == 302
    bea = TargetUserRecord.objects.get(target_user_id="bea@example.com")
    assert bea.digest is not None
    url = address(UserTarget, "change", bea.pk)
    changed = {**form_of(client, url), "target_user_id": "cleo@example.com"}
    assert client.post(url, changed).status_code == 302
    digest = bea.digest
    bea.refresh_from_db()
    assert bea.digest not in (None, digest)


def test_actions_work_on_a_record_without_a_user(
    client: Client, guest: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(guest)
    asked = {"action": "cancel", "_selected_action": [str(notification.pk)]}
    page = client.post(address(Notification), asked).content.decode()
    assert "ann@example.com, Email" in page
    client.post(address(Notification), {**asked, "confirmed": "yes"})
    notification.refresh_from_db()
    assert notification.status == Notification.CANCELLED
    deleted = client.post(address(UserTarget, "delete", guest.pk), {"post": "yes"})
    assert deleted.status_code == 302
