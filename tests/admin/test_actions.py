"""The admin's actions: who may, what is changed, what is left and why, whoever else is at work."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from django_notification_system.admin.actions.choices import NAMED
from django_notification_system.admin.moments import short
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    TargetUserRecord,
)
from tests.conftest import MakeDue
from tests.support.admin_actions import ACTIONS, LATER, ask, confirm, failed, row
from tests.support.admin_site import Records, address, staff_client

pytestmark = pytest.mark.django_db

MOMENT = {"moment_0": "2031-01-02", "moment_1": "03:04:05"}


@pytest.fixture
def client() -> Client:
    """The browser of somebody who may see notifications and use every action."""
    return staff_client("view_notification", *ACTIONS.values())


def test_send_now_makes_due_what_was_to_be_sent_later(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    later = timezone.now() + LATER
    first = make_due(records["Email"], scheduled_delivery=later)
    again = make_due(
        records["Expo"], scheduled_delivery=later, status="RETRY", attempted_delivery=timezone.now()
    )
    page = ask(client, "send_now", first, again)
    assert page.status_code == 200
    assert "<strong>2</strong> notifications will be changed" in page.content.decode()
    assert row(first).scheduled_delivery == later

    assert confirm(client, "send_now", first, again) == ["2 notifications were changed."]
    for before in (first, again):
        after = row(before)
        assert after.scheduled_delivery <= timezone.now()
        assert (after.status, after.digest) == (before.status, before.digest)
        assert after.modified_date > before.modified_date


@pytest.mark.parametrize(
    ("action", "sentence", "kind"),
    [
        ("send_now", "Send 2 notifications now", "main"),
        ("retry_failed", "Send 2 notifications again", "main"),
        ("cancel", "Cancel 2 notifications", "danger"),
        ("reschedule", "Reschedule 2 notifications", "main"),
    ],
)
def test_the_button_says_what_happens_to_how_many_and_is_red_where_that_is_final(
    client: Client, records: Records, make_due: MakeDue, action: str, sentence: str, kind: str
) -> None:
    fields: dict[str, Any] = {"scheduled_delivery": timezone.now() + LATER}
    if action == "retry_failed":
        fields |= {"status": "DELIVERY FAILURE", "attempted_delivery": timezone.now()}
    page = ask(client, action, *(make_due(records[name], **fields) for name in ("Email", "Expo")))
    assert page.context["title"] == sentence
    button = f'class="notification-button notification-button-{kind}">{sentence}</button>'
    assert button in page.content.decode()
    assert f'<a href="{address(Notification)}" class="notification-button cancel-link">Go back' in (
        page.content.decode()
    )


def test_the_page_names_the_first_with_target_local_time_and_why_one_is_left(
    client: Client, records: Records, make_due: MakeDue, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Kathmandu"
    moment = datetime(2031, 1, 2, 3, 4, tzinfo=UTC)
    waits = make_due(records["Email"], title="Your <table>", scheduled_delivery=moment)
    done = make_due(records["Expo"], status="DELIVERED", attempted_delivery=moment)
    page = ask(client, "cancel", waits, done).content.decode()
    table = page.partition('class="notification-table"')[2].partition("</table>")[0]
    cells = re.findall(r"<td>(.*?)</td>", table)
    assert [strip_tags(cell) for cell in cells] == [
        "Your &lt;table&gt;", "Eggs Benedict, Email", "01/02/2031 8:49 a.m.", "",
        done.title, "Eggs Benedict, Expo", strip_tags(short(done.scheduled_delivery)),
        "status: Delivered",
    ]  # fmt: skip
    many = [make_due(records["Email"], title=f"Number {n}") for n in range(NAMED + 1)]
    page = ask(client, "cancel", *many).content.decode()
    assert len(re.findall(r"<tr><td>Number \d+</td>", page)) == NAMED
    assert "…</td>" in page


def test_retry_begins_anew(client: Client, records: Records, make_due: MakeDue) -> None:
    notification = failed(make_due, records["Email"])
    assert confirm(client, "retry_failed", notification) == ["1 notification was changed."]
    after = row(notification)
    assert (after.status, after.retry_attempts) == (Notification.SCHEDULED, 0)
    assert after.attempted_delivery is None
    assert after.digest == notification.digest
    after.full_clean()
    list(Run())
    assert row(notification).status == Notification.DELIVERED


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"status": "EXPIRED", "expires_at": -LATER}, False),
        ({"status": "EXPIRED", "expires_at": LATER}, True),
        ({"status": "DELIVERY FAILURE", "expires_at": -LATER}, False),
        ({"status": "INACTIVE DEVICE"}, True),
        ({"status": "DELIVERED"}, False),
        ({"status": "CANCELLED"}, False),
        ({"status": "OPTED OUT"}, False),
        ({"status": "RETRY"}, False),
        ({"status": "SCHEDULED", "attempted_delivery": None}, False),
    ],
)
def test_retry_is_for_what_failed_and_is_in_time(
    client: Client, records: Records, make_due: MakeDue, fields: Any, changed: bool
) -> None:
    if "expires_at" in fields:
        fields = {**fields, "expires_at": timezone.now() + fields["expires_at"]}
    notification = failed(make_due, records["Email"], **fields)
    confirm(client, "retry_failed", notification)
    assert (row(notification).modified_date != notification.modified_date) is changed


def test_cancel_calls_off(client: Client, records: Records, make_due: MakeDue) -> None:
    notification = make_due(records["Email"])
    confirm(client, "cancel", notification)
    assert row(notification).status == Notification.CANCELLED
    list(Run())
    assert row(notification).status == Notification.CANCELLED


def test_reschedule_asks_for_a_moment_to_come(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"])
    page = ask(client, "reschedule", notification).content.decode()
    assert 'name="moment_0"' in page
    for wrong in ({}, {"moment_0": "x"}, {"moment_0": "2001-01-01", "moment_1": "00:00"}):
        response = ask(client, "reschedule", notification, confirmed="yes", **wrong)
        assert response.status_code == 200
        assert response.context["form"].errors
    assert "has passed" in str(response.context["form"].errors)
    assert row(notification).scheduled_delivery == notification.scheduled_delivery

    confirm(client, "reschedule", notification, **MOMENT)
    after = row(notification)
    assert after.scheduled_delivery.isoformat() == "2031-01-02T03:04:05+00:00"
    assert (after.status, after.digest) == ("SCHEDULED", notification.digest)


@pytest.mark.parametrize("action", ACTIONS)
def test_what_a_run_holds_is_left(
    client: Client, records: Records, make_due: MakeDue, action: str
) -> None:
    fields: dict[str, Any] = {"scheduled_delivery": timezone.now() + LATER}
    if action == "retry_failed":
        fields |= {"status": "DELIVERY FAILURE", "attempted_delivery": timezone.now()}
    until = timezone.now() + timedelta(minutes=5)
    claim = {"claim_token": uuid.uuid4(), "claimed_until": until}
    held = make_due(records["Email"], **claim, **fields)
    let_go = make_due(records["Expo"], **{**claim, "claimed_until": until - LATER}, **fields)
    page = ask(client, action, held, let_go)
    assert "1 (held by a run" in page.content.decode()
    told = confirm(client, action, held, let_go, **MOMENT)
    assert told == [
        "1 notification was changed.",
        "1 notification was left as it was: 1 (held by a run, which is delivering them or is"
        " about to).",
    ]
    after = row(held)
    assert (after.status, after.claim_token) == (held.status, held.claim_token)
    assert after.scheduled_delivery == held.scheduled_delivery
    # The run whose lease has ended may still be sending; it must not write over this.
    assert row(let_go).claim_token is None


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("send_now", "their user has opted out"),
        ("reschedule", "their user has opted out"),
        ("retry_failed", "their user has opted out"),
        ("send_now", "their record is inactive"),
        ("reschedule", "their record is inactive"),
        ("retry_failed", "their record is inactive"),
        ("send_now", "they have expired by then"),
        ("reschedule", "they have expired by then"),
        ("send_now", "due already"),
        ("cancel", "status: Delivered"),
    ],
)
def test_what_is_left_is_told_with_the_reason(
    client: Client, records: Records, make_due: MakeDue, action: str, reason: str
) -> None:
    record = records["Email"]
    now = timezone.now()
    fields: dict[str, Any] = {"scheduled_delivery": now if reason == "due already" else now + LATER}
    if action == "retry_failed":
        fields |= {"status": "DELIVERY FAILURE", "attempted_delivery": now}
    if "expired" in reason:
        fields |= {"expires_at": now - LATER}
    if "Delivered" in reason:
        fields |= {"status": "DELIVERED", "attempted_delivery": now}
    notification = make_due(record, **fields)
    if "opted out" in reason:
        NotificationOptOut.objects.bulk_create([NotificationOptOut(user=record.user, active=True)])
    if "inactive" in reason:
        TargetUserRecord.objects.filter(pk=record.pk).update(active=False)
    page = ask(client, action, notification).content.decode()
    assert f"1 ({reason})" in page
    assert 'class="notification-button notification-button-' not in page
    assert confirm(client, action, notification, **MOMENT) == [
        f"1 notification was left as it was: 1 ({reason})."
    ]
    assert row(notification).modified_date == notification.modified_date


def test_an_opted_out_user_and_an_inactive_record_do_not_hinder_a_cancellation(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"])
    TargetUserRecord.objects.update(active=False)
    confirm(client, "cancel", notification)
    assert row(notification).status == Notification.CANCELLED


@pytest.mark.parametrize(("action", "permission"), ACTIONS.items())
def test_each_action_has_its_own_permission(
    records: Records, make_due: MakeDue, action: str, permission: str
) -> None:
    others = [codename for codename in ACTIONS.values() if codename != permission]
    notification = make_due(records["Email"], scheduled_delivery=timezone.now() + LATER)
    if action == "retry_failed":
        notification = failed(make_due, records["Email"])
    for codenames in ((), ("change_notification",), others):
        person = staff_client("view_notification", *codenames)
        page = person.get(address(Notification)).content.decode()
        assert f'value="{action}"' not in page
        ask(person, action, notification, confirmed="yes", **MOMENT)
        assert row(notification).modified_date == notification.modified_date
    blind = staff_client(permission)
    response = blind.post(
        address(Notification),
        {"action": action, "_selected_action": [notification.pk], "confirmed": "yes"},
    )
    assert response.status_code == 403
    person = staff_client("view_notification", permission)
    assert f'value="{action}"' in person.get(address(Notification)).content.decode()
    confirm(person, action, notification, **MOMENT)
    assert row(notification).modified_date > notification.modified_date


@pytest.mark.parametrize("action", ACTIONS)
def test_every_change_is_in_the_log_and_nothing_else(
    records: Records, make_due: MakeDue, action: str
) -> None:
    person = staff_client("view_notification", *ACTIONS.values())
    later = timezone.now() + LATER
    if action == "retry_failed":
        changed = [failed(make_due, records[name]) for name in ("Email", "Expo")]
    else:
        changed = [make_due(records[n], scheduled_delivery=later) for n in ("Email", "Expo")]
    left = make_due(records["Twilio"], status="DELIVERED", attempted_delivery=later)
    ask(person, action, *changed, left)
    assert not LogEntry.objects.exists()
    confirm(person, action, *changed, left, **MOMENT)
    entries = LogEntry.objects.all()
    assert {entry.object_id for entry in entries} == {str(each.pk) for each in changed}
    assert {entry.action_flag for entry in entries} == {CHANGE}
    assert {entry.user_id for entry in entries} == {int(person.session["_auth_user_id"])}
    assert {entry.object_repr[:3] for entry in entries} == {"egg"}
    assert len({entry.get_change_message() for entry in entries}) == 1
    history = address(Notification, "history", changed[0].pk)
    assert entries[0].change_message in person.get(history).content.decode()
