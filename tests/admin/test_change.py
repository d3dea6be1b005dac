"""Changing a notification in the admin: nobody else's work is undone."""

from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
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


def test_how_often_a_notification_was_interrupted_is_shown(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    """What waits behind all else, and why, can be seen before the notification is given up."""
    url = address(Notification, "change", make_due(records["Email"], interruptions=2).pk)
    page = client.get(url).content.decode()
    _, _, shown = page.partition("field-interruptions")
    assert '<div class="readonly">2</div>' in shown[:500]


def test_what_became_of_a_notification_is_shown_and_cannot_be_edited(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(
        records["Email"],
        status=Notification.DELIVERED,
        attempted_delivery=timezone.now(),
        response="Email Successfully Sent",
        provider_message_id="SM0123",
        idempotency_key="order-7",
    )
    url = address(Notification, "change", notification.pk)
    page = client.get(url).content.decode()
    for text in ("Email Successfully Sent", "SM0123", "order-7"):
        assert text in page
    data = {
        **form_of(client, url),
        "priority": "7",
        "title": "forged",
        "body": "forged",
        "extra": '{"a": "forged"}',
        "target_user_record": records["Expo"].pk,
        "response": "forged",
        "provider_message_id": "forged",
        "idempotency_key": "forged",
        "retry_attempts": "99",
        "attempted_delivery_0": "2001-01-01",
        "attempted_delivery_1": "00:00:00",
    }
    assert client.post(url, data).status_code == 302
    changed = Notification.objects.get()
    assert changed.priority == 7
    assert changed.modified_date > notification.modified_date
    for field in (
        "title", "target_user_record_id",
        "response", "provider_message_id", "idempotency_key", "retry_attempts",
        "attempted_delivery", "scheduled_delivery", "status", "digest", "extra", "body",
    ):  # fmt: skip
        assert getattr(changed, field) == getattr(notification, field), field


def test_a_page_left_open_does_not_undo_a_delivery(
    client: Client, records: Records, make_due: MakeDue, settings: Any
) -> None:
    pigeon = NotificationTarget.objects.create(name="Pigeon", notification_module_name="loft")
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    record = records["Email"]
    TargetUserRecord.objects.filter(pk=record.pk).update(target=pigeon)
    notification = make_due(record)
    url = address(Notification, "change", notification.pk)
    opened = form_of(client, url)
    assert opened["status"] == Notification.SCHEDULED
    for _ in Run():
        pass
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED

    response = client.post(url, {**opened, "title": "Another"})

    assert "has changed since you opened the page" in unescape(str(errors_of(response)))
    again = Notification.objects.get()
    assert (again.status, again.title) == (Notification.DELIVERED, "Test notification")


@pytest.mark.parametrize(
    ("change", "follows"), [({"title": "Another"}, True), ({"retry_time_interval": "20"}, False)]
)
def test_an_interval_that_a_person_enters_counts(
    client: Client, records: Records, make_due: MakeDue, change: dict[str, str], follows: bool
) -> None:
    notification = make_due(records["Email"], follows_retry_policy=True)
    url = address(Notification, "change", notification.pk)
    client.post(url, {**form_of(client, url), **change})
    notification.refresh_from_db()
    assert notification.follows_retry_policy is follows


def test_a_change_writes_only_what_was_changed(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"])
    url = address(Notification, "change", notification.pk)
    with CaptureQueriesContext(connection) as captured:
        client.post(url, {**form_of(client, url), "title": "Another"})
    (update,) = [
        query["sql"]
        for query in captured
        if query["sql"].startswith("UPDATE") and "system_notification" in query["sql"]
    ]
    written = update.partition("WHERE")[0]
    assert "title" in written
    assert "modified_date" in written
    for field in ("status", "claim", "scheduled_delivery", "response", "body"):
        assert field not in written


def test_two_people_do_not_overwrite_each_other(client: Client, records: Records) -> None:
    url = address(UserTarget, "change", records["Email"].pk)
    opened = form_of(client, url)
    TargetUserRecord.objects.get(pk=records["Email"].pk).save()
    response = client.post(url, {**opened, "description": "Late"})
    assert "has changed since" in str(errors_of(response))


def test_an_attempt_made_meanwhile_does_not_keep_a_change_from_being_saved(
    client: Client, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, title="fail")
    list(Run())
    url = address(Notification, "change", notification.pk)
    opened = form_of(client, url)
    values = {"notification": notification, "result": "RETRY", "response": "A hawk was about."}
    NotificationAttempt.objects.create(attempted_at=timezone.now(), **values)
    response = client.post(url, {**opened, "status": Notification.RETRY, "attempts-0-response": ""})
    assert response.status_code == 302
    notification.refresh_from_db()
    assert notification.status == Notification.RETRY
    assert notification.attempts.count() == 2
    # A form of the project's own need not know of the history.
    bare = {name: value for name, value in opened.items() if not name.startswith("attempts")}
    bare.pop("version")
    assert client.post(url, {**bare, "title": "Another"}).status_code == 302


def test_a_notification_can_be_called_off(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"])
    url = address(Notification, "change", notification.pk)
    response = client.post(url, {**form_of(client, url), "status": Notification.CANCELLED})
    assert response.status_code == 302
    list(Run())
    notification.refresh_from_db()
    assert notification.status == Notification.CANCELLED
    assert notification.attempted_delivery is None


def test_a_failed_notification_is_sent_again_by_its_status(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    failed = make_due(
        records["Email"], status=Notification.DELIVERY_FAILURE, attempted_delivery=timezone.now()
    )
    url = address(Notification, "change", failed.pk)
    response = client.post(url, {**form_of(client, url), "status": Notification.RETRY})
    assert response.status_code == 302
    failed.refresh_from_db()
    assert failed.status == Notification.RETRY


@pytest.mark.parametrize("status", Notification.ATTEMPTED_STATUSES)
def test_a_status_that_needs_an_attempt_is_an_error_in_the_form(
    client: Client, records: Records, make_due: MakeDue, status: str
) -> None:
    notification = make_due(records["Email"])
    url = address(Notification, "change", notification.pk)
    response = client.post(url, {**form_of(client, url), "status": status})
    assert list(errors_of(response)) == ["status"]
    # A row of release 1.5.3 may already be so, and then a read-only field is to blame.
    Notification.objects.update(status=status)
    response = client.post(url, {**form_of(client, url), "priority": "7"})
    assert "Attempted delivery must be filled out" in str(errors_of(response))


@pytest.mark.parametrize("extra", [None, [], "text"])
def test_a_bad_row_of_release_1_5_3_can_be_opened(
    client: Client, records: Records, make_due: MakeDue, extra: Any
) -> None:
    notification = make_due(records["Email"], extra=extra, title="two\nlines")
    assert client.get(address(Notification)).status_code == 200
    url = address(Notification, "change", notification.pk)
    data = {**form_of(client, url), "extra": "{}", "title": "one line"}
    assert client.post(url, data).status_code == 302
    notification.refresh_from_db()
    assert (notification.extra, notification.title) == ({}, "one line")
