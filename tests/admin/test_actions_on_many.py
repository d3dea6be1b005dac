"""The admin's actions on many notifications, and while a run claims them."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.admin.actions import bulk
from django_notification_system.models import (
    Notification,
    TargetUserRecord,
    changes,
)
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.admin_actions import ACTIONS, LATER, ask, confirm, failed, row
from tests.support.admin_site import Records, address, staff_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    """The browser of somebody who may see notifications and use every action."""
    return staff_client("view_notification", *ACTIONS.values())


def test_select_all_changes_what_the_filters_show_and_no_more(
    client: Client, records: Records, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "CHANGED_AT_ONCE", 3)
    for number in range(7):
        failed(make_due, records["Email"], title=f"Number {number}")
    other = failed(make_due, records["Email"], status="INACTIVE DEVICE")
    url = f"{address(Notification)}?status__exact=DELIVERY+FAILURE"
    selection = {"action": "retry_failed", "select_across": "1", "_selected_action": [other.pk]}
    page = client.post(url, {**selection, "index": "0"}).content.decode()
    assert "<strong>7</strong> notifications will be changed" in page
    assert 'name="select_across" value="1"' in page
    response = client.post(url, {**selection, "confirmed": "yes"})
    assert [str(each) for each in get_messages(response.wsgi_request)] == [
        "7 notifications were changed."
    ]
    assert Notification.objects.filter(status="SCHEDULED").count() == 7
    assert row(other).status == Notification.INACTIVE_DEVICE
    assert LogEntry.objects.count() == 7


def test_any_number_of_keys_is_read_in_parts_without_those_made_meanwhile(
    records: Records, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "CHANGED_AT_ONCE", 2)
    monkeypatch.setattr(changes, "KEYS_READ_AT_ONCE", 4)
    for number in range(9):
        make_due(records["Email"], title=f"{number}")

    def make_another(changed: Any) -> None:
        make_due(records["Email"], title=f"meanwhile {uuid.uuid4()}")

    with CaptureQueriesContext(connection) as captured:
        result = changes.apply(
            changes.CANCEL, Notification.objects.all(), timezone.now(), log=make_another
        )
    assert (result.changed, result.left.total()) == (9, 0)
    assert Notification.objects.filter(title__startswith="meanwhile").pending().count() == 5
    keys = [
        each["sql"] for each in captured if " LIMIT " in each["sql"] and "IN (" not in each["sql"]
    ]
    assert [sql.partition(" LIMIT ")[2] for sql in keys] == ["4", "1", "4", "4"]


def test_a_slice_is_changed_and_no_more(records: Records, make_due: MakeDue) -> None:
    for number in range(3):
        make_due(records["Email"], title=f"{number}")
    assert Notification.objects.order_by("title")[:2].cancel().changed == 2
    assert Notification.objects.pending().get().title == "2"


def test_many_take_as_many_queries_as_few(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    def queries(number: int, act: Any) -> int:
        notifications = []
        for index in range(number):
            user = get_user_model().objects.create_user(uuid.uuid4().hex)
            record = TargetUserRecord.objects.create(
                user=user, target=records["Email"].target, target_user_id=index
            )
            notifications.append(make_due(record, title=f"{index} of {number}"))
        notifications.append(make_due(records["Expo"], title=f"{number}", status="CANCELLED"))
        with CaptureQueriesContext(connection) as captured:
            act(client, "cancel", *notifications)
        return len(captured)

    for act in (ask, confirm):
        assert queries(2, act) == queries(40, act)


def test_the_page_counts_no_further_than_the_cap(
    client: Client, records: Records, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "COUNTED_ROWS", 4)
    monkeypatch.setattr("django_notification_system.admin.actions.choices.COUNTED_ROWS", 4)
    notifications = [make_due(records["Email"], title=f"Number {n}") for n in range(7)]
    page = ask(client, "cancel", *notifications).content.decode()
    assert "More than 4 notifications are selected" in page


@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="SQLite locks the database, not the row.")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("action", ["cancel", "send_now"])
def test_a_claim_that_is_being_made_is_waited_for(
    records: Records, make_due: MakeDue, action: str
) -> None:
    notification = make_due(records["Email"], scheduled_delivery=timezone.now() + LATER)
    client = staff_client("view_notification", *ACTIONS.values())
    told: list[str] = []

    def act() -> None:
        try:
            told.extend(confirm(client, action, notification))
        finally:
            connection.close()

    thread = threading.Thread(target=act)
    token = uuid.uuid4()
    with transaction.atomic():
        Notification.objects.filter(pk=notification.pk).update(
            claim_token=token, claimed_until=timezone.now() + timedelta(minutes=5)
        )
        thread.start()
        thread.join(1)
        assert thread.is_alive()  # it waits for the row
    thread.join(120)
    assert told == [
        "1 notification was left as it was: 1 (held by a run, which is delivering them or is"
        " about to)."
    ]
    after = row(notification)
    assert (after.status, after.claim_token) == ("SCHEDULED", token)
    assert after.scheduled_delivery == notification.scheduled_delivery
    assert not LogEntry.objects.exists()
