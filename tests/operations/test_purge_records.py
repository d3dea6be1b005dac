"""``purge_notifications`` deletes the records of people without an account that nothing uses."""

import threading
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.models import signals
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system import notify_addresses
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.operations.purge_records import RecordPurge
from tests.settings import TEST_DATABASE
from tests.support.runs import in_real_transactions

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(days=100)
GIVEN = TargetUserRecord.Origin.GIVEN


def record_of(address: str, *, target: str = "Email", **fields: Any) -> TargetUserRecord:
    """Make a record that a purge deletes, but for the fields."""
    record = TargetUserRecord.objects.create(
        target=NotificationTarget.objects.get(name=target),
        target_user_id=address,
        description="-",
        **{"origin": GIVEN, **fields},
    )
    TargetUserRecord.objects.filter(pk=record.pk).update(modified_date=LONG_AGO)
    return record


def purge(*options: str) -> str:
    printed = StringIO()
    call_command("purge_notifications", "--older-than=90d", *options, stdout=printed)
    return printed.getvalue()


def left() -> set[str]:
    return set(TargetUserRecord.objects.values_list("target_user_id", flat=True))


def test_unused_records_go_in_the_purge_that_deletes_their_last_notification() -> None:
    notify_addresses(["ann@example.com", "bea@example.com"], "Hello", "-", target="Email")
    TargetUserRecord.objects.update(modified_date=LONG_AGO)
    Notification.objects.filter(target_user_record__target_user_id="ann@example.com").update(
        status="DELIVERED", scheduled_delivery=LONG_AGO, attempted_delivery=LONG_AGO
    )
    said = purge("--dry-run")
    assert said == "Would delete 1 notification: 1 Delivered\n"
    assert purge() == (
        "Deleted 1 notification: 1 Delivered\n"
        "Deleted 1 unused record of a person without an account.\n"
    )
    assert left() == {"bea@example.com"}


def test_number_of_unused_records_is_told_beforehand() -> None:
    record_of("ann@example.com")
    record_of("bea@example.com")
    said = "There is nothing to delete.\n"
    assert purge("--dry-run") == (
        f"{said}Would delete 2 unused records of people without an account.\n"
    )
    assert purge("--dry-run", "--keep-addresses") == said
    assert purge("--keep-addresses") == said
    assert purge("--target=Twilio") == said
    assert len(left()) == 2
    assert "Deleted 2 unused records" in purge("--target=Email")


@pytest.mark.parametrize(
    "fields",
    [
        {"active": False},
        {"hard_bounces": 1},
        {"origin": TargetUserRecord.Origin.MANUAL},
        {"user": True},
    ],
)
def test_record_that_may_be_needed_stays(fields: dict[str, Any], user: Any) -> None:
    record_of("ann@example.com", **{**fields, **({"user": user} if "user" in fields else {})})
    record_of("bea@example.com")
    purge()
    assert left() == {"ann@example.com"}


def test_record_that_was_changed_lately_stays() -> None:
    record_of("ann@example.com")
    TargetUserRecord.objects.update(modified_date=timezone.now() - timedelta(days=89))
    purge()
    assert left() == {"ann@example.com"}


def test_record_of_queued_mail_goes_too() -> None:
    record_of("ann@example.com", origin=TargetUserRecord.Origin.QUEUED_MAIL)
    purge()
    assert left() == set()


@pytest.mark.parametrize("number", [0, 5])
def test_batches_go_once_over_the_records(number: int) -> None:
    for index in range(number):
        record_of(f"user-{index}@example.com")
        record_of(f"kept-{index}@example.com", active=False)
    records = RecordPurge(before=timezone.now(), using="default")
    with CaptureQueriesContext(connection) as queries:
        assert list(records.delete(2)) == [2, 2, 1][:number]
    selects = [query for query in queries if query["sql"].startswith("SELECT")]
    assert len(selects) == number // 2 + (2 if number else 1)


def test_receivers_of_signals_hear_of_each() -> None:
    record_of("ann@example.com")
    heard: list[str] = []

    def hear(instance: Any, **_: Any) -> None:
        heard.append(instance.target_user_id)

    signals.pre_delete.connect(hear, sender=TargetUserRecord)
    try:
        assert "Deleted 1 unused record" in purge()
    finally:
        signals.pre_delete.disconnect(hear, sender=TargetUserRecord)
    assert heard == ["ann@example.com"]


@pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="the rows are locked")
def test_nothing_is_made_meanwhile_where_receivers_hear_of_each() -> None:
    record_of("ann@example.com")

    def hear(**_: Any) -> None: ...

    with CaptureQueriesContext(connection) as captured:
        signals.post_delete.connect(hear, sender=TargetUserRecord)
        try:
            next(RecordPurge(before=timezone.now(), using="default").delete(10))
        finally:
            signals.post_delete.disconnect(hear, sender=TargetUserRecord)
    _savepoint, first, *_ = [each["sql"] for each in captured]
    assert first.startswith("UPDATE"), "the transaction waits for other writers before it reads"


@in_real_transactions
@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="SQLite has one writer at a time")
def test_record_that_a_call_is_using_is_passed_over() -> None:
    record_of("ann@example.com")

    def purge_elsewhere() -> None:
        try:
            purge()
        finally:
            connections.close_all()

    with transaction.atomic():
        notify_addresses("ann@example.com", "Hello", "-", target="Email")
        thread = threading.Thread(target=purge_elsewhere)
        thread.start()
        thread.join(120)
        assert not thread.is_alive()
    assert left() == {"ann@example.com"}
    assert Notification.objects.count() == 1


@in_real_transactions
@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="SQLite has one writer at a time")
def test_call_waits_for_a_purge_and_makes_the_record_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    old = record_of("ann@example.com")
    delete_rows = RecordPurge._delete_rows
    made: list[int] = []

    def notify_elsewhere() -> None:
        try:
            made.append(notify_addresses("ann@example.com", "Hello", "-", target="Email"))
        finally:
            connections.close_all()

    thread = threading.Thread(target=notify_elsewhere)

    def delete_while_notified(self: RecordPurge, keys: Any) -> int:
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()  # it waits for the purge
        return delete_rows(self, keys)

    monkeypatch.setattr(RecordPurge, "_delete_rows", delete_while_notified)
    assert "Deleted 1 unused record" in purge()
    thread.join(120)
    assert made == [1]
    [notification] = Notification.objects.all()
    assert notification.target_user_record_id != old.pk
