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
from django.db.models import signals
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    TargetUserRecord,
)
from tests.conftest import MakeDue
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
                was_waited_for.append(not may_end.wait(5))
        finally:
            done.set()
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    done.wait(20)
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
