"""``erase_notification_data`` leaves nothing of a person but what keeps the person unwritten to."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import signals
from django.utils import timezone

from django_notification_system import erase_person_data, notify, notify_addresses
from django_notification_system.categories import Category, known_categories
from django_notification_system.delivery.runs.run import Run
from django_notification_system.exceptions import InvalidPreference, NotificationSystemError
from django_notification_system.models import (
    AttachmentContent,
    ConsentLog,
    Notification,
    NotificationAttachment,
    NotificationAttempt,
    NotificationOptOut,
    NotificationTarget,
    Preference,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.operations.erase_person import BATCH_SIZE
from django_notification_system.preferences import set_preference, suppress
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.dumps import dump
from tests.support.runs import in_real_transactions, make_many

pytestmark = pytest.mark.django_db

ADDRESS = "eggs@example.com"


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(Category("news", label="News"), Category("orders", label="Orders")):
        yield


@pytest.fixture
def other(django_user_model: Any) -> Any:
    """Somebody who stays."""
    return django_user_model.objects.create_user(username="ham", email="ham@example.com")


def erase(*arguments: str) -> str:
    printed = StringIO()
    call_command("erase_notification_data", *arguments, stdout=printed)
    return printed.getvalue()


def elsewhere(act: Callable[[], None]) -> None:
    """Do something in a thread with a connection of its own."""

    def work() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def record_of(user: Any, address: str) -> TargetUserRecord:
    return TargetUserRecord.objects.create(
        user=user,
        target=NotificationTarget.objects.get(name="Email"),
        target_user_id=address,
        description="-",
    )


def live(user: Any, other: Any, records: dict[str, TargetUserRecord]) -> None:
    """Let a person leave traces everywhere."""
    file = ContentFile(f"To: {ADDRESS}".encode(), name="letter.txt")
    notify(user, f"For {ADDRESS}", f"Dear {ADDRESS}", target="Email", attachments=[file])
    AttachmentContent.objects.update(used_at=timezone.now() - timedelta(hours=3))
    notification = Notification.objects.get()
    NotificationAttempt.objects.create(
        notification=notification,
        attempted_at=timezone.now(),
        result="RETRY",
        response=f"{ADDRESS}: busy",
    )
    notify_addresses([ADDRESS.upper()], "Before the account", "-", target="Email")
    set_preference(user, "orders", wanted=True, how="page", ip="192.0.2.17")
    suppress("email", ADDRESS, reason="complaint", category="news", note=f"{ADDRESS} called")
    record_of(other, "ham@example.com")
    notify(other, "For ham", "-", target="Email")
    set_preference(other, "news", wanted=True, how="admin", by=user)


def test_nothing_of_the_person_is_left_and_the_suppression_holds(
    user: Any, other: Any, records: dict[str, TargetUserRecord], settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"KEEP_IP": True}
    live(user, other, records)
    user.email = ""  # the user's row is the project's
    user.save()
    assert ADDRESS in dump().casefold()

    assert erase("egg") == (
        "Deleted notifications: 2, records: 4, preferences: 1. Emptied log entries: 2,"
        " suppressions: 1.\n"
    )
    left = dump().casefold()
    for trace in (ADDRESS, "192.0.2.17", "+15005550006", "exponentpushtoken"):
        assert trace not in left
    assert "ham@example.com" in left

    assert not Preference.objects.filter(user=user).exists()
    assert not ConsentLog.objects.filter(user=user).exists()
    assert not ConsentLog.objects.filter(by=user).exists()
    assert set(ConsentLog.objects.values_list("user", "category", "after", "ip")) == {
        (None, "orders", "yes", None),
        (None, "news", "no", None),
        (other.pk, "news", "yes", None),
    }
    assert Suppression.objects.get().address == ""

    record_of(user, "Eggs@Example.com")
    with pytest.raises(NotificationSystemError, match="suppressed: complaint"):
        notify(user, "June", "-", target="Email", category="news")
    assert notify(user, "Your order", "-", target="Email", category="orders") == 1


def test_own_address_is_found_without_a_record(user: Any) -> None:
    suppress("email", "EGGS@example.com", reason="bounce")
    notify_addresses([ADDRESS], "Hello", "-", target="Email")
    erased = erase_person_data(user)
    assert (erased.notifications, erased.records, erased.suppressions) == (1, 1, 1)
    assert Suppression.objects.get().address == ""


def test_another_users_record_of_the_address_stays(
    user: Any, other: Any, email: TargetUserRecord
) -> None:
    shared = record_of(other, ADDRESS)
    notify(other, "For ham", "-", target="Email")
    erase("egg")
    assert TargetUserRecord.objects.get() == shared
    assert Notification.objects.get().title == "For ham"


def test_opt_out_from_everything_stays_with_the_user(user: Any, email: TargetUserRecord) -> None:
    set_preference(user, wanted=False, how="page")
    erase("egg")
    assert NotificationOptOut.objects.filter(user=user, active=True).exists()
    record_of(user, ADDRESS)
    with pytest.raises(NotificationSystemError):
        notify(user, "June", "-", target="Email", category="news")


def test_dry_run_counts_the_same_and_changes_nothing(
    user: Any, other: Any, records: dict[str, TargetUserRecord]
) -> None:
    live(user, other, records)
    before = dump()
    assert erase("egg", "--dry-run") == (
        "Would delete notifications: 2, records: 4, preferences: 1. Would empty log entries: 2,"
        " suppressions: 1.\n"
    )
    assert dump() == before
    done = erase_person_data(user)
    assert vars(done) == {
        "notifications": 2, "records": 4, "preferences": 1, "log_entries": 2, "suppressions": 1,
        "items": 0,
    }  # fmt: skip
    assert not any(vars(erase_person_data(user)).values())


def test_many_go_in_batches(loft: TargetUserRecord, django_assert_max_num_queries: Any) -> None:
    make_many(loft, 2 * BATCH_SIZE + 1)
    with django_assert_max_num_queries(60):
        assert erase_person_data(loft.user).notifications == 2 * BATCH_SIZE + 1
    assert not Notification.objects.exists()


def test_signals_of_the_project_are_sent_for_each_row(loft: TargetUserRecord) -> None:
    make_many(loft, 3)
    seen: list[Any] = []

    def note(instance: Any, **kwargs: Any) -> None:
        seen.append(instance)

    signals.post_delete.connect(note, Notification)
    try:
        erase_person_data(loft.user)
    finally:
        signals.post_delete.disconnect(note, Notification)
    assert len(seen) == 3


def test_content_in_use_elsewhere_or_just_now_stays(
    user: Any, other: Any, email: TargetUserRecord
) -> None:
    record_of(other, "ham@example.com")
    shared = ContentFile(b"for both", name="a.txt")
    notify(user, "1", "-", target="Email", attachments=[shared])
    notify(other, "2", "-", target="Email", attachments=[shared])
    AttachmentContent.objects.update(used_at=timezone.now() - timedelta(hours=3))
    notify(user, "3", "-", target="Email", attachments=[ContentFile(b"just now", name="b.txt")])
    erase("egg")
    assert NotificationAttachment.objects.count() == 1
    assert {bytes(each.data) for each in AttachmentContent.objects.all()} == {
        b"for both",
        b"just now",
    }


# --- A run at the same time ------------------------------------------------------------------


@in_real_transactions
def test_a_run_at_work_goes_on(loft: TargetUserRecord, other: Any) -> None:
    make_many(loft, 150)
    kept = TargetUserRecord.objects.create(
        user=other, target=loft.target, target_user_id="south tower", description="-"
    )
    make_many(kept, 150)
    erased = None
    for _report in Run():
        if erased is None:
            erased = erase_person_data(loft.user)
    assert erased is not None
    assert erased.records == 1
    assert not TargetUserRecord.objects.filter(user=loft.user).exists()
    assert set(Notification.objects.values_list("target_user_record", "status")) == {
        (kept.pk, "DELIVERED")
    }
    assert Notification.objects.count() == 150


@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="threads share no database")
@in_real_transactions
def test_one_created_meanwhile_goes_too(loft: TargetUserRecord) -> None:
    make_many(loft, 3)
    pending = [lambda: elsewhere(lambda: make_many(loft, 2))]

    def interfere(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if pending and "FOR UPDATE" in sql and "target_user_record" in sql.partition("WHERE")[0]:
            pending.pop()()
        return execute(sql, params, many, context)

    Notification.objects.update(scheduled_delivery=timezone.now() - timedelta(days=1))
    with connection.execute_wrapper(interfere):
        assert erase_person_data(loft.user).notifications == 5
    assert not pending
    assert not TargetUserRecord.objects.exists()


def test_inside_a_transaction_of_the_callers_all_or_nothing(loft: TargetUserRecord) -> None:
    make_many(loft, 3)
    with transaction.atomic():
        erase_person_data(loft.user)
        transaction.set_rollback(True)
    assert Notification.objects.count() == 3


# --- Who is meant ----------------------------------------------------------------------------


def test_user_by_name_or_key(user: Any, make_due: MakeDue, email: TargetUserRecord) -> None:
    make_due(email)
    assert erase(str(user.pk), "--dry-run").startswith("Would delete notifications: 1,")
    assert erase("egg", "--by", "name", "--dry-run").startswith("Would delete notifications: 1,")


@pytest.mark.parametrize("text", ["nobody", "EGG", "", "99999999", "9" * 40])
def test_unknown_user_is_an_error(user: Any, text: str) -> None:
    with pytest.raises(CommandError, match=f"There is no user '{text}'. Give the username, or"):
        erase(text)


def test_name_that_is_anothers_key_is_an_error_until_said(
    user: Any, email: TargetUserRecord
) -> None:
    twin = get_user_model().objects.create_user(username=str(user.pk))
    with pytest.raises(CommandError, match=r"is more than one user: .*Say --by key or --by name"):
        erase(twin.username)
    assert erase(twin.username, "--by", "name").startswith("Deleted notifications: 0, records: 0")
    assert erase(twin.username, "--by", "key").startswith("Deleted notifications: 0, records: 3")


def test_no_user_is_refused() -> None:
    with pytest.raises(InvalidPreference, match="user must be a saved user"):
        erase_person_data(get_user_model()())
