"""``purge_notifications``: what it deletes, what it leaves, how it goes about it."""

import io
import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import ProtectedError, signals
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.management.commands import purge_notifications
from django_notification_system.models import (
    AttachmentContent,
    Notification,
    NotificationAttempt,
    TargetUserRecord,
)
from django_notification_system.models.reserved import REMOVED
from django_notification_system.operations import remove_bodies
from django_notification_system.operations.purge import Purge
from tests.conftest import MakeDue
from tests.support.many_notifications import analyze, multiply
from tests.support.plans import plan_of, statements_of
from tests.support.runs import in_real_transactions

Records = dict[str, TargetUserRecord]
needs_a_server = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="threads share no database in memory"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def purge(*arguments: str, **options: Any) -> str:
    output = io.StringIO()
    call_command("purge_notifications", "--older-than", "90d", *arguments, stdout=output, **options)
    return output.getvalue()


def titles() -> set[str]:
    return set(Notification.objects.values_list("title", flat=True))


@pytest.fixture
def make_old(make_due: MakeDue) -> MakeDue:
    """A function that makes a notification that ended a hundred days ago, with two attempts."""

    def make(record: TargetUserRecord, **fields: Any) -> Notification:
        long_ago = timezone.now() - timedelta(days=100)
        values = {
            "status": "DELIVERED",
            "scheduled_delivery": long_ago,
            "attempted_delivery": long_ago,
        }
        notification = make_due(record, **{**values, **fields})
        NotificationAttempt.objects.bulk_create(
            NotificationAttempt(notification=notification, attempted_at=long_ago, result=result)
            for result in ("RETRY", "DELIVERED")
        )
        return notification

    return make


def test_what_ended_long_ago_goes_with_its_attempts(
    email: TargetUserRecord, make_old: MakeDue
) -> None:
    for status, _ in Notification.STATUS_CHOICES:
        make_old(email, title=status, status=status)
    make_old(email, title="more")
    assert purge().startswith("Deleted 7 notifications: 2 Delivered, 1 ")
    assert titles() == {"RETRY", "SCHEDULED"}
    assert NotificationAttempt.objects.count() == 4
    assert purge() == "There is nothing to delete.\n"


def test_what_is_younger_stays(email: TargetUserRecord, make_old: MakeDue) -> None:
    recently = timezone.now() - timedelta(days=80)
    make_old(email, title="young", scheduled_delivery=recently, attempted_delivery=recently)
    make_old(email, title="late", attempted_delivery=recently)
    make_old(email, title="unsent", status="OPTED OUT", attempted_delivery=None)
    purge()
    assert titles() == {"young", "late"}


@pytest.mark.parametrize("named", ["DELIVERY FAILURE", "delivery-failure", "delivery_failure"])
def test_a_status_chooses(email: TargetUserRecord, make_old: MakeDue, named: str) -> None:
    for status in ("DELIVERED", "DELIVERY FAILURE", "EXPIRED"):
        make_old(email, title=status, status=status)
    purge("--status", named, "--status", "expired")
    assert titles() == {"DELIVERED"}


def test_what_is_pending_goes_only_by_its_name_and_never_from_under_a_run(
    email: TargetUserRecord, make_old: MakeDue
) -> None:
    waiting = {"status": "SCHEDULED", "attempted_delivery": None}
    make_old(email, title="waits", **waiting)
    held = {"claim_token": uuid.uuid4(), "claimed_until": timezone.now() + timedelta(minutes=5)}
    make_old(email, title="held", **waiting, **held)
    purge()
    assert titles() == {"waits", "held"}
    assert purge("--status", "SCHEDULED") == "Deleted 1 notification: 1 Scheduled\n"
    assert titles() == {"held"}


@pytest.mark.parametrize("has_target", [True, False])
def test_a_target_chooses(records: Records, make_old: MakeDue, has_target: bool) -> None:
    for name, record in records.items():
        make_old(record, title=name)
    if not has_target:
        Notification.objects.update(target=None)
    purge("--target", "email", "--target", "Expo")
    assert titles() == {"Twilio"}


def test_a_dry_run_counts_and_deletes_nothing(email: TargetUserRecord, make_old: MakeDue) -> None:
    make_old(email)
    make_old(email, title="failed", status="DELIVERY FAILURE")
    make_old(email, title="failed too", status="DELIVERY FAILURE")
    said = purge("--dry-run")
    assert said == "Would delete 3 notifications: 2 Delivery Failure, 1 Delivered\n"
    assert Notification.objects.count() == 3
    assert NotificationAttempt.objects.count() == 6


@pytest.mark.parametrize(
    "arguments",
    [
        ("--status", "GONE"),
        ("--batch-size", "0"),
        ("--batch-size", "10001"),
        ("--older-than", "soon"),
        ("--target", "Fax"),
    ],
)
def test_what_makes_no_sense_is_refused(records: Records, arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match=rf"{arguments[0]}|Fax"):
        purge(*arguments)


def test_an_age_must_be_given(db: None) -> None:
    with pytest.raises(CommandError, match="--older-than"):
        call_command("purge_notifications")


@pytest.mark.usefixtures("without_inbox")
def test_batches_are_deleted_in_sql_without_loading_what_goes(
    email: TargetUserRecord, make_old: MakeDue
) -> None:
    due = timezone.now() - timedelta(days=95)
    for number in range(7):
        # All at one moment, and two of them a batch.
        make_old(email, title=f"{number}", body="the body", scheduled_delivery=due)
    with CaptureQueriesContext(connection) as captured:
        purge("--batch-size", "2")
    statements = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    assert not Notification.objects.exists()
    assert not NotificationAttempt.objects.exists()
    # Four batches, a look that finds nothing more, and looks for records and contents without use,
    # and for old IP addresses.
    assert len(statements) == 4 * 5 + 4
    assert not any('"body"' in statement or "`body`" in statement for statement in statements)


def test_receivers_of_djangos_signals_hear_of_each(
    email: TargetUserRecord, make_old: MakeDue
) -> None:
    gone: list[str] = []

    def note(instance: Any, **kwargs: Any) -> None:
        gone.append(instance.title)

    for number in range(3):
        make_old(email, title=f"{number}")
    signals.post_delete.connect(note, sender=Notification)
    try:
        assert purge("--batch-size", "2") == "Deleted 3 notifications: 3 Delivered\n"
    finally:
        signals.post_delete.disconnect(note, sender=Notification)
    assert sorted(gone) == ["0", "1", "2"]
    assert not NotificationAttempt.objects.exists()


def test_sigterm_ends_it_after_the_batch(email: TargetUserRecord, make_old: MakeDue) -> None:
    for number in range(5):
        make_old(email, title=f"{number}")
    pending = [lambda: os.kill(os.getpid(), signal.SIGTERM)]

    def interrupt(execute: Any, sql: str, *arguments: Any) -> Any:
        if pending and sql.startswith("DELETE"):
            pending.pop()()
        return execute(sql, *arguments)

    with connection.execute_wrapper(interrupt):
        assert purge("--batch-size", "2") == "Deleted 2 notifications: 2 Delivered\n"
    assert Notification.objects.count() == 3


def test_a_bar_shows_the_progress_where_a_person_looks_on(
    email: TargetUserRecord, make_old: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    make_old(email)
    purge(stderr=Terminal())
    assert "1/1" in capsys.readouterr().err
    make_old(email)
    purge(stderr=io.StringIO())
    purge(stderr=Terminal(), verbosity=0)
    assert capsys.readouterr().err == ""


@contextmanager
def in_another_connection(work: Callable[[], Any]) -> Iterator[None]:
    """Do the work in a transaction of another connection, which ends with the block."""
    done, may_end = threading.Event(), threading.Event()
    was_waited_for: list[bool] = []

    def run() -> None:
        try:
            with transaction.atomic():
                work()
                done.set()
                was_waited_for.append(not may_end.wait(60))
        finally:
            done.set()
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert done.wait(60)
    try:
        yield
    finally:
        may_end.set()
        thread.join()
    assert was_waited_for == [False]


@needs_a_server
@in_real_transactions
def test_what_others_are_changing_is_left_out_and_not_waited_for(
    email: TargetUserRecord, make_old: MakeDue
) -> None:
    for number in range(4):
        make_old(email, title=f"{number}")
    rows = Notification.objects.filter(title="1")
    with in_another_connection(lambda: rows.update(status="SCHEDULED")):
        assert purge("--batch-size", "2") == "Deleted 3 notifications: 3 Delivered\n"
    assert titles() == {"1"}
    assert NotificationAttempt.objects.count() == 2


@needs_a_server
@in_real_transactions
def test_two_at_once_delete_each_notification_once(
    email: TargetUserRecord, make_old: MakeDue
) -> None:
    for number in range(60):
        make_old(email, title=f"{number}")
    said: list[str] = []

    def run_in_thread() -> None:
        try:
            said.append(purge("--batch-size", "5"))
        finally:
            connection.close()

    threads = [threading.Thread(target=run_in_thread) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 3
    assert sum(int(line.split()[1]) for line in said if line.startswith("Deleted")) == 60
    assert not Notification.objects.exists()


@in_real_transactions
def test_what_changes_before_it_is_deleted_stays(
    email: TargetUserRecord, make_old: MakeDue
) -> None:
    if connection.features.has_select_for_update_skip_locked:
        pytest.skip("rows are locked from the moment they are found")
    for number in range(3):
        make_old(email, title=f"{number}")
    pending = [lambda: Notification.objects.filter(title="1").update(status="RETRY")]

    def interfere(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if pending and sql.startswith("SELECT") and "scheduled_delivery" in sql:
            pending.pop()()
        return result

    with connection.execute_wrapper(interfere):
        assert purge() == "Deleted 2 notifications: 2 Delivered\n"
    assert not pending
    assert titles() == {"1"}
    assert NotificationAttempt.objects.count() == 2


def test_a_dry_run_counts_texts_and_contents_too(
    email: TargetUserRecord, make_old: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"KEEP_BODIES": 30}
    make_old(email, title="goes")
    recent = timezone.now() - timedelta(days=40)
    make_old(email, title="loses its text", scheduled_delivery=recent, attempted_delivery=recent)
    AttachmentContent.objects.create(
        digest="0" * 64, size=1, data=b"1", used_at=timezone.now() - timedelta(days=2)
    )
    assert purge("--dry-run").splitlines()[1:] == [
        "Would remove the text of 1 delivered notification.",
        "Would delete 1 unused content of attachments.",
    ]
    assert purge().splitlines()[1:] == ["Removed the text of 1 delivered notification."]
    assert not AttachmentContent.objects.exists()
    assert len(purge("--dry-run").splitlines()) == 1


def test_texts_removed_by_earlier_purges_are_not_looked_for_again(
    email: TargetUserRecord,
    make_old: MakeDue,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.NOTIFICATION_SYSTEM = {"KEEP_BODIES": 30}
    monkeypatch.setattr(remove_bodies, "READ_AT_ONCE", 4)

    def make(days: int) -> None:
        moment = timezone.now() - timedelta(days=days)
        make_old(email, title=f"{days}", scheduled_delivery=moment, attempted_delivery=moment)

    for days in (80, *range(70, 59, -1)):
        make(days)
    removal = remove_bodies.body_removal(using="default")
    assert removal is not None
    interrupted = removal.run(batch_size=2)
    assert next(interrupted) == 2
    interrupted.close()

    assert purge().splitlines()[1:] == ["Removed the texts of 10 delivered notifications."]
    # One long after its time, and one that was late, as with a late report of the provider.
    Notification.objects.filter(title__in=("80", "60")).update(body="again", extra={})
    make(40)
    said = "Would remove the texts of 2 delivered notifications."
    assert purge("--dry-run").splitlines()[1:] == [said]
    assert purge().splitlines()[1:] == ["Removed the texts of 2 delivered notifications."]
    assert list(Notification.objects.exclude(body="").values_list("title", flat=True)) == ["80"]


def test_texts_removed_for_one_target_hide_no_other_targets_older_texts(
    records: dict[str, TargetUserRecord],
    make_old: MakeDue,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.NOTIFICATION_SYSTEM = {"KEEP_BODIES": 30}
    monkeypatch.setattr(remove_bodies, "READ_AT_ONCE", 2)
    email, expo = records["Email"], records["Expo"]
    for record, days in ((expo, 80), *((email, days) for days in range(70, 60, -1))):
        moment = timezone.now() - timedelta(days=days)
        make_old(record, scheduled_delivery=moment, attempted_delivery=moment)
    email_only = ("--target", email.target.name)
    assert purge(*email_only).splitlines()[1:] == [
        "Removed the texts of 10 delivered notifications."
    ]
    assert len(purge(*email_only, "--dry-run").splitlines()) == 1
    both = (*email_only, "--target", expo.target.name, "--dry-run")
    said = "the text of 1 delivered notification."
    assert purge(*both).splitlines()[1:] == [f"Would remove {said}"]
    assert purge().splitlines()[1:] == [f"Removed {said}"]
    assert not Notification.objects.exclude(body="").exists()


@in_real_transactions
def test_removing_texts_costs_what_was_delivered_since(
    email: TargetUserRecord,
    make_old: MakeDue,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.NOTIFICATION_SYSTEM = {"KEEP_BODIES": 30}
    monkeypatch.setattr(remove_bodies, "READ_AT_ONCE", 100)
    removed, keys = {"body": "", "extra": {REMOVED: True}}, []
    for days in range(72, 30, -1):
        moment = timezone.now() - timedelta(days=days)
        moments = {"scheduled_delivery": moment, "attempted_delivery": moment}
        values = removed if days > 31 else {}
        keys.append(make_old(email, title=f"{days}", **moments, **values).pk)
    multiply(keys[:-1], 150)
    multiply(keys[-1:], 50)
    analyze()

    statements = statements_of(purge)

    assert not Notification.objects.exclude(body="").exists()
    of_removal = [each for each in statements if "attempted_delivery" in each and "SELECT" in each]
    assert of_removal
    for statement in of_removal:
        for access in plan_of(statement).accesses:
            if access.table == Notification._meta.db_table:
                assert not access.whole, statement
                assert access.rows is None or access.rows <= 2_000, statement


@pytest.mark.parametrize("size", ["1", "2", "1000"])
def test_a_protected_notification_stays_and_the_rest_goes(
    email: TargetUserRecord, make_old: MakeDue, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    """As where a model of the project's own refers to two of the same moment."""
    at = timezone.now() - timedelta(days=95)
    for title in ("a", "protected 1", "b", "protected 2", "c"):
        make_old(email, title=title, scheduled_delivery=at)
    make_old(email, title="later", scheduled_delivery=at + timedelta(days=1))
    whole = Purge._delete_rows

    def protecting(self: Purge, keys: Any, **options: Any) -> Any:
        rows = Notification.objects.filter(pk__in=keys, title__startswith="protected")
        if rows:
            raise ProtectedError("A complaint refers to it.", set(rows))
        return whole(self, keys, **options)

    monkeypatch.setattr(Purge, "_delete_rows", protecting)
    removed = []
    monkeypatch.setattr(purge_notifications, "forget_old_ips", lambda using: removed.append(using))
    with pytest.raises(CommandError, match=r"A complaint refers to it\. .* Deleted: 4\."):
        purge("--batch-size", size)
    assert titles() == {"protected 1", "protected 2"}
    assert removed == ["default"]  # the purge went on to its end
