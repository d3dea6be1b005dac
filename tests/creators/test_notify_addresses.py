"""``notify_addresses()``: people without an account, one or many."""

import copy
import json
import pickle
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import django_notification_system
from django_notification_system import notify, notify_addresses
from django_notification_system.exceptions import (
    InvalidNotification,
    NotificationsNotCreated,
)
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_creators import (
    address_records,
    created,
)
from django_notification_system.notification_creators import (
    notify_addresses as module,
)
from tests.settings import TEST_DATABASE
from tests.support.runs import in_real_transactions

pytestmark = pytest.mark.django_db

ANN = "ann@example.com"


def welcome(addresses: Any, **arguments: Any) -> Any:
    return notify_addresses(addresses, "Welcome", "Hello", **{"target": "Email", **arguments})


def addressed() -> list[str]:
    rows = Notification.objects.values_list("target_user_record__target_user_id", flat=True)
    return sorted(rows)


def test_is_importable_from_the_package() -> None:
    assert django_notification_system.notify_addresses is module.notify_addresses


def test_one_address_gets_a_record_without_a_user() -> None:
    due = timezone.now() + timedelta(days=1)
    number = welcome(
        ANN,
        scheduled_delivery=due,
        expires_at=due + timedelta(days=1),
        extra={"reply_to": ["shop@example.com"]},
        retry_time_interval=5,
        max_retries=2,
        idempotency_key="welcome",
        priority=4,
    )
    assert number == 1
    [record] = TargetUserRecord.objects.all()
    assert (record.user, record.target.name, record.target_user_id) == (None, "Email", ANN)
    assert (record.active, record.origin) == (True, TargetUserRecord.Origin.GIVEN)
    [notification] = Notification.objects.all()
    assert notification.target_user_record == record
    assert notification.target == record.target
    assert notification.scheduled_delivery == due
    assert notification.expires_at == due + timedelta(days=1)
    assert (notification.priority, notification.max_retries) == (4, 2)
    assert (notification.retry_time_interval, notification.follows_retry_policy) == (5, False)
    assert notification.extra == {"reply_to": ["shop@example.com"]}
    record.full_clean()


@pytest.mark.parametrize("kind", [list, tuple, set, iter])
def test_many_addresses_of_any_iterable(kind: Callable[[list[str]], Any]) -> None:
    assert welcome(kind([ANN, "bea@example.com"])) == 2
    assert addressed() == [ANN, "bea@example.com"]


@pytest.mark.parametrize(
    "others",
    [
        [ANN],
        ["Ann@Example.com"],
        [" ann@example.com\u200b"],
        ["ann@EXAMPLE.com", ANN, "ANN@example.com"],
    ],
)
@pytest.mark.parametrize("batch_size", [1, 1000])
def test_spellings_of_one_address_are_one(
    others: list[str], batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_SIZE", batch_size)
    assert welcome([ANN, *others]) == 1
    assert addressed() == [ANN]
    assert welcome(others, idempotency_key="again") == 1
    assert welcome(ANN, idempotency_key="again") == 0
    assert TargetUserRecord.objects.count() == 1


def test_domains_in_both_alphabets_are_one() -> None:
    assert welcome(["ann@bücher.example", "ann@xn--bcher-kva.example"]) == 1


def test_same_notification_is_made_once() -> None:
    due = timezone.now() + timedelta(days=1)
    assert welcome(ANN, scheduled_delivery=due) == 1
    with pytest.raises(NotificationsNotCreated, match="each exists already"):
        welcome(ANN, scheduled_delivery=due)
    assert welcome(ANN, scheduled_delivery=due, quiet=True) == 0
    assert welcome([ANN, "bea@example.com"], scheduled_delivery=due) == 1
    assert welcome(ANN, idempotency_key="k") == 1
    assert welcome(ANN, idempotency_key="k") == 0


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        ("", r"^addresses\[0\] is an empty text"),
        ([ANN, " \u200b"], r"^addresses\[1\] is an empty text"),
        (None, "; addresses is of type NoneType. notify\\(\\) is for users"),
        ([ANN, ANN, 5], r"; addresses\[2\] is of type int\."),
        ({ANN: "Ann"}, "; addresses is of type dict"),
        (b"ann@example.com", "; addresses is of type bytes"),
        ("ann", r"^addresses\[0\] is no email address\. Give the address alone"),
        ("Ann Lee <ann@example.com>", "is no email address"),
        ("ann@example.com\nBcc: bea@example.com", "is no email address"),
        ([ANN, "ann@example.com\x00"], r"^addresses\[1\] has a NUL character"),
        ([ANN, "ann\ud800@example.com"], r"^addresses\[1\] is no valid Unicode text"),
        (
            "a" * 250 + "@example.com",
            r"^addresses\[0\] has 262 characters; an address has at most 254",
        ),
    ],
)
def test_what_is_no_address_is_refused_and_nothing_is_made(addresses: Any, said: str) -> None:
    with pytest.raises(InvalidNotification, match=said):
        welcome(addresses)
    assert not TargetUserRecord.objects.exists()
    assert not Notification.objects.exists()


def test_the_wrong_one_of_many_addresses_is_named_by_position_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BATCH_SIZE", 25)  # so that it is in the second
    addresses = (f"guest{number}@example.com" for number in range(50))
    with pytest.raises(InvalidNotification) as error:
        welcome(each.replace("@", " at ") if "43" in each else each for each in addresses)
    assert str(error.value).startswith("addresses[43] is no email address.")
    assert "guest" not in str(error.value)
    assert not Notification.objects.exists()


def test_user_is_no_address(user: Any) -> None:
    with pytest.raises(InvalidNotification, match="addresses must be a str"):
        welcome(user)


def test_no_addresses_are_an_error() -> None:
    with pytest.raises(NotificationsNotCreated, match="There are no addresses to notify"):
        welcome([])
    assert welcome([], quiet=True) == 0


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("Fax", "There is no target 'Fax'"),
        (None, "an address belongs to one target"),
        (["Email"], "an address belongs to one target"),
    ],
)
def test_target_is_one(target: Any, said: str) -> None:
    with pytest.raises(InvalidNotification, match=said):
        welcome(ANN, target=target)


def test_name_of_two_targets_is_refused() -> None:
    NotificationTarget.objects.filter(name="Email").update(name="News")
    NotificationTarget.objects.create(name="Bills", notification_module_name="email")
    with pytest.raises(InvalidNotification, match=r"which may be 'News', 'Bills'\. Name"):
        welcome(ANN, target="email")
    assert welcome(ANN, target=NotificationTarget.objects.get(name="Bills")) == 1


def test_addresses_of_other_targets_keep_their_case() -> None:
    tokens = ["ExponentPushToken[abc]", "ExponentPushToken[ABC]"]
    assert welcome(tokens, target="Expo") == 2


@pytest.mark.parametrize(
    "wrong", [{"priority": 17}, {"expires_at": "tomorrow"}, {"extra": {"a": {1}}}]
)
def test_content_is_checked_as_by_notify(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidNotification):
        welcome(ANN, **wrong)


def test_attachment_that_is_missing_is_refused() -> None:
    with pytest.raises(InvalidNotification):
        welcome(ANN, extra={"attachments": ["missing.pdf"]})


def test_creator_that_needs_a_user_gets_a_clear_report(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "email.py").write_text("def create_notification(user, title, body): user.email\n")
    settings.NOTIFICATION_SYSTEM_CREATORS = [str(tmp_path)]
    with pytest.raises(InvalidNotification, match=r"in .*email.py makes .* for Email, and needs a"):
        welcome(ANN)


def test_address_that_is_switched_off_is_skipped() -> None:
    welcome([ANN, "bea@example.com"])
    TargetUserRecord.objects.filter(target_user_id=ANN).update(active=False)
    with pytest.raises(NotificationsNotCreated, match="The record of the address is switched off"):
        welcome("ANN@example.com", idempotency_key="a")
    assert welcome([ANN, "bea@example.com"], idempotency_key="b") == 1
    TargetUserRecord.objects.update(active=False)
    with pytest.raises(NotificationsNotCreated, match="The records of all 2 addresses"):
        welcome([ANN, "bea@example.com"], idempotency_key="c")


def test_address_of_a_user_is_written_to_whatever_the_user_has_decided(
    user: Any, email: Any
) -> None:
    NotificationOptOut.objects.create(user=user)
    TargetUserRecord.objects.update(active=False)
    assert welcome(user.email) == 1
    [record] = TargetUserRecord.objects.filter(user=None)
    assert record.target_user_id == email.target_user_id


def test_users_and_addresses_keep_their_own_keys(user: Any, email: Any) -> None:
    assert notify(user, "Welcome", "-", target="Email", idempotency_key="k") == 1
    assert welcome(user.email, idempotency_key="k") == 1


@pytest.mark.parametrize("moved", [{"target_user_id": "bea@example.com"}, {"user": True}])
def test_record_that_sql_has_moved_is_not_written_to(moved: dict[str, Any], user: Any) -> None:
    """``update()`` leaves the digest of the former address."""
    welcome(ANN)
    TargetUserRecord.objects.update(**{**moved, **({"user": user} if "user" in moved else {})})
    assert welcome(ANN, idempotency_key="a") == 1
    [notification] = Notification.objects.filter(idempotency_key="a")
    record = notification.target_user_record
    assert (record.user, record.target_user_id) == (None, ANN)
    assert TargetUserRecord.objects.filter(digest=None).count() == 1


@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="SQLite takes small statements")
def test_queries_grow_with_batches_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def count(number: int, key: str) -> int:
        addresses = [f"user-{index}@example.com" for index in range(number)]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert welcome(addresses, idempotency_key=key) == number
        return len(queries)

    few, many = count(2, "few"), count(1_500, "many")
    assert few == many <= 12
    assert count(1_500, "again") < many


def test_files_go_with_an_email_and_with_nothing_else() -> None:
    files = [("invoice.pdf", b"%PDF", "application/pdf")]
    assert welcome([ANN, "bea@example.com"], attachments=files) == 2
    assert {row.has_attachments for row in Notification.objects.all()} == {True}
    with pytest.raises(InvalidNotification, match="The target 'Twilio' sends no attachments"):
        welcome("+15005550006", target="Twilio", attachments=files)


def test_record_of_queued_mail_is_another() -> None:
    """No refusal switches a queued mail's record off."""
    target = NotificationTarget.objects.get(name="Email")
    origin = TargetUserRecord.Origin.QUEUED_MAIL
    for _ in range(2):
        TargetUserRecord.objects.bulk_create(
            [TargetUserRecord(target=target, target_user_id=ANN, description="-", origin=origin)],
            ignore_conflicts=True,
        )
    assert welcome(ANN) == 1
    assert {each.origin for each in TargetUserRecord.objects.all()} == {"GIVEN", "QUEUED MAIL"}
    assert Notification.objects.get().target_user_record.origin == "GIVEN"


def test_record_that_vanishes_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read = address_records._share_locked
    calls: list[int] = []

    def purged_before(digests: Any, using: str) -> Any:
        calls.append(1)
        if len(calls) <= vanishes:
            TargetUserRecord.objects.all().delete()
        return read(digests, using)

    monkeypatch.setattr(address_records, "_share_locked", purged_before)
    vanishes = 2
    assert welcome([ANN, "bea@example.com"]) == 2
    vanishes = 99
    with pytest.raises(NotificationsNotCreated, match="are deleted or changed as soon as"):
        welcome(ANN, idempotency_key="k")


# Keys


def test_keys_are_those_of_the_made_notifications(user: Any, records: Any) -> None:
    for number in (welcome([ANN, "bea@example.com"]), notify(user, "Hello", "-")):
        assert isinstance(number, int)
        assert number.keys is not None
        made = Notification.objects.filter(pk__in=number.keys)
        assert len(number.keys) == number == made.count()
        assert list(number.keys) == sorted(number.keys)


def test_key_of_a_notification_that_existed_is_not_among_them() -> None:
    [first] = welcome(ANN, idempotency_key="k").keys
    both = welcome([ANN, "bea@example.com"], idempotency_key="k")
    assert both == 1
    [second] = both.keys
    assert set(Notification.objects.values_list("pk", flat=True)) == {first, second}
    assert welcome(ANN, idempotency_key="k").keys == ()


def test_too_many_keys_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "django_notification_system.notification_creators.nothing_created.MOST_KEYS", 3
    )
    addresses = [f"user-{index}@example.com" for index in range(4)]
    assert len(welcome(addresses[:3], idempotency_key="a").keys) == 3
    made = welcome(addresses, idempotency_key="b")
    assert (made, made.keys) == (4, None)
    assert created.MOST_KEYS == 500


def test_keys_of_a_projects_creator_are_unknown(
    user: Any, email: Any, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "email.py").write_text(
        "from django_notification_system.notification_creators import email\n"
        "def create_notification(user, title, body):\n"
        "    email.create_notification(user, title, body)\n"
    )
    settings.NOTIFICATION_SYSTEM_CREATORS = [str(tmp_path)]
    made = notify(user, "Hello", "-", target="Email")
    assert (made, made.keys) == (1, None)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)  # our own
def test_the_number_travels_as_any_int(copied: Callable[[Any], Any]) -> None:
    made = welcome(ANN)
    again = copied(made)
    assert (again, again.keys) == (made, made.keys)
    assert json.dumps({"made": made}) == '{"made": 1}'
    assert (f"{made}", repr(made), made + 1, bool(made)) == ("1", "1", 2, True)


# At once


@in_real_transactions
@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="threads share no database in memory")
@pytest.mark.parametrize("attempt", range(3))
def test_calls_at_once_with_one_address_make_one_record(
    attempt: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_SIZE", 3)
    start = threading.Barrier(3)
    inserted: list[int] = []
    errors: list[BaseException] = []

    def call(number: int) -> None:
        addresses = [f"User-{index}@example.com" for index in range(10)]
        if number == 1:
            addresses = [address.lower() for address in reversed(addresses)]
        try:
            start.wait()
            inserted.append(welcome(addresses, idempotency_key="news"))
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert TargetUserRecord.objects.count() == 10
    assert sum(inserted) == Notification.objects.count() == 10


@in_real_transactions
@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="SQLite has one writer at a time")
def test_record_that_another_call_makes_meanwhile_is_written_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make = address_records._make

    def make_elsewhere() -> None:
        TargetUserRecord.objects.create(
            target=NotificationTarget.objects.get(name="Email"),
            target_user_id="Ann@example.com",
            description="-",
        )
        connections.close_all()

    def make_later(*arguments: Any) -> None:
        thread = threading.Thread(target=make_elsewhere)
        thread.start()
        thread.join()
        make(*arguments)

    monkeypatch.setattr(address_records, "_make", make_later)
    assert welcome(ANN) == 1
    assert addressed() == ["Ann@example.com"]


@in_real_transactions
@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="SQLite has one writer at a time")
def test_record_in_use_is_not_deleted_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    welcome(ANN)
    Notification.objects.all().delete()
    insert = module.insert_notifications
    deleting: list[threading.Thread] = []
    deleted = threading.Event()
    refused: list[bool] = []

    def delete() -> None:
        try:
            TargetUserRecord.objects.filter(target_user_id=ANN)._raw_delete("default")
        except IntegrityError:
            refused.append(True)
        finally:
            deleted.set()
            connections.close_all()

    def insert_while_deleted(*arguments: Any, **keywords: Any) -> Any:
        deleting.append(threading.Thread(target=delete))
        deleting[0].start()
        assert not deleted.wait(0.3)
        return insert(*arguments, **keywords)

    monkeypatch.setattr(module, "insert_notifications", insert_while_deleted)
    assert welcome(ANN, idempotency_key="k") == 1
    deleting[0].join()
    assert refused
    assert Notification.objects.count() == 1
