"""What a run that goes on for long, or comes back from a fault, must not do."""

import gc
import threading
import time
from asyncio import CancelledError
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.utils import timezone

from django_notification_system import database
from django_notification_system.delivery.claims import due
from django_notification_system.delivery.claims.due import Due
from django_notification_system.delivery.claims.take import take
from django_notification_system.delivery.runs import rests
from django_notification_system.delivery.runs.run import Run
from django_notification_system.delivery.runs.watch import Watch
from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.parallel import side_by_side
from django_notification_system.observing.observers import Observer, add_observer, remove_observer
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.handlers import freely, old
from tests.support.handlers import loft as loft_handler
from tests.support.runs import in_real_transactions, lose_patience_soon, states, writes_a_status
from tests.support.watching import watching_run


@pytest.fixture
def record(user: Any, loft: TargetUserRecord) -> Iterator[TargetUserRecord]:
    target = NotificationTarget.objects.create(name="Freely", notification_module_name="freely")
    freely.taken.clear()
    yield TargetUserRecord.objects.create(user=user, target=target, target_user_id="here")
    freely.behave = freely.one_after_another


@in_real_transactions
def test_a_handler_that_comes_back_to_life_sends_nothing_that_was_given_back(
    record: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"LEASE_SECONDS": 1}
    revived, ended = threading.Event(), threading.Event()
    sent: list[str] = []

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        try:
            for notification in notifications:
                revived.wait(20)
                sent.append(notification.title)
                yield Outcome.delivered(notification, "Sent.")
        finally:
            ended.set()

    freely.behave = behave
    for title in ("hangs", "second", "third"):
        make_due(record, title=title)
    for number in range(40):  # the run is at work for long after
        make_due(loft, title=f"bird {number}")
    loft_handler.watchers.append(lambda notification: revived.wait(0.1))
    for attempt in Run():
        if attempt.target.name == "Freely" and not revived.is_set():
            revived.set()
            assert ended.wait(60)
    assert sent == ["hangs"]
    assert set(
        Notification.objects.filter(title__in=("second", "third")).values_list("status", flat=True)
    ) == {"SCHEDULED"}


@in_real_transactions
def test_many_that_are_not_to_be_sent_hold_up_no_other_target(
    record: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    """As after a weekend's outage, when all has expired: nobody waits until all is settled."""
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 10, "RECORD_EVERY": 1}
    past = timezone.now() - timedelta(hours=1)
    Notification.objects.bulk_create(
        Notification(
            target_user_record=record,
            title=f"expired {number}",
            status=Notification.SCHEDULED,
            scheduled_delivery=past,
            expires_at=past,
        )
        for number in range(500)
    )
    make_due(loft)
    told_before = []
    for attempt in Run():
        if attempt.target.name == "Loft":
            break
        told_before.append(attempt)
    assert len(told_before) <= 300
    assert Notification.objects.filter(status=Notification.EXPIRED).count() <= 400


@in_real_transactions
def test_a_watch_tries_a_target_again_while_another_is_still_at_work(
    record: TargetUserRecord,
    loft: TargetUserRecord,
    make_due: MakeDue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A queue that a rate stretches over hours must not keep what has failed waiting as long."""
    monkeypatch.setattr(rests, "FIRST_REST_SECONDS", 0.5)
    closed = True

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        if closed:
            raise TargetUnavailable("Closed for a moment.")
        yield from freely.one_after_another(notifications)

    freely.behave = behave
    make_due(record, title="waits for a moment")
    for number in range(40):
        make_due(loft, title=f"bird {number}")
    tried_again = threading.Event()

    def wait_for_it(notification: Notification) -> None:
        """After ten birds, keep the rest at work until then; or for ever, as it would seem."""
        if len(loft_handler.flown) >= 10 and not tried_again.wait(120):
            tried_again.set()

    loft_handler.watchers.append(wait_for_it)
    problems: list[str] = []
    watching = Watch(interval=0.2, on_problem=problems.append)
    delivered: list[str] = []
    for attempt in watching:
        if attempt is None:
            watching.stop()
            continue
        if attempt.target.name == "Freely":
            closed = False
        if attempt.notification.status == Notification.DELIVERED:
            delivered.append(attempt.notification.title)
            if attempt.target.name == "Freely":
                tried_again.set()
    assert "waits for a moment" in delivered
    assert len(delivered) - delivered.index("waits for a moment") > 20
    assert problems == ["Closed for a moment."]


@in_real_transactions
def test_a_row_whose_record_is_gone_keeps_no_run_from_its_end(
    record: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    """As after deletions by hand, by a tool that does not ask SQLite to check references."""
    if connection.vendor == "postgresql":
        pytest.skip("only a superuser leaves its references unchecked")
    dangling, sound = make_due(record), make_due(loft)
    Notification.objects.update(target=None)
    looks = 0

    def count(execute: Any, sql: str, *arguments: Any) -> Any:
        nonlocal looks
        looks += sql.startswith("UPDATE")
        if looks > 20:
            raise RuntimeError("It goes on for ever.")
        return execute(sql, *arguments)

    with connection.constraint_checks_disabled():
        TargetUserRecord.objects.filter(pk=record.pk)._raw_delete(using="default")
    try:
        with connection.execute_wrapper(count):
            assert [attempt.notification for attempt in Run()] == [sound]
    finally:
        Notification.objects.filter(pk=dangling.pk).delete()


def test_a_run_that_is_stopped_while_it_looks_for_targets_ends_soon(
    loft: TargetUserRecord, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an upgrade with a million notifications that are due."""
    monkeypatch.setattr(due, "ADOPTED_AT_ONCE", 1)
    for number in range(10):
        make_due(loft, title=f"bird {number}")
    Notification.objects.update(target=None)
    run = Run()

    def stop(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("UPDATE"):
            run.stop()
        return execute(sql, *arguments)

    with connection.execute_wrapper(stop):
        assert list(run) == []
    assert Notification.objects.filter(target=None).count() == 9


@in_real_transactions
def test_a_run_that_the_database_ends_leaves_no_thread_waiting(
    record: TargetUserRecord,
    loft: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a process that watches would keep them, and their connections, for each outage."""
    lose_patience_soon(monkeypatch)
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 1}
    for row_of in (record, loft):
        for number in range(3):
            make_due(row_of, title=f"number {number}")
    writes = 0

    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        nonlocal writes
        writes += sql.startswith("UPDATE")
        if writes > 2:  # after both targets' first claims
            raise OperationalError("malformed database schema")  # one that is not waited for
        return execute(sql, *arguments)

    before = set(threading.enumerate())
    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        list(Run())
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(60)
    assert not any(thread.is_alive() for thread in left)


@in_real_transactions
def test_what_was_sent_is_recorded_though_the_run_has_lost_its_patience(
    loft: TargetUserRecord, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the database back before the run has ended, nothing is sent again."""
    lose_patience_soon(monkeypatch, seconds=-1)  # at the first error, however busy the machine
    notification = make_due(loft)
    failed: list[str] = []

    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        if not failed and writes_a_status(sql):
            failed.append(sql)
            raise OperationalError(2006, "database is locked")
        return execute(sql, *arguments)

    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        list(Run())
    notification.refresh_from_db()
    assert (notification.status, notification.claim_token) == (Notification.DELIVERED, None)


@in_real_transactions
def test_a_watch_records_after_an_outage_what_was_sent_before_it_and_gives_back_the_rest(
    record: TargetUserRecord, make_due: MakeDue, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, and not when the lease ends."""
    lose_patience_soon(monkeypatch)
    settings.NOTIFICATION_SYSTEM = {"RECORD_EVERY": 2}
    for number in range(5):
        make_due(record, title=f"number {number}")
    is_down = threading.Event()
    sent: list[str] = []

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            sent.append(notification.title)
            if len(sent) == 2:
                is_down.set()
            yield Outcome.delivered(notification, "Sent.")
            if len(sent) == 2:
                raise TargetUnavailable("Closed for a moment.")

    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        if is_down.is_set() and sql.startswith("UPDATE"):
            raise OperationalError(2006, "database is locked")
        return execute(sql, *arguments)

    monkeypatch.setattr(rests, "FIRST_REST_SECONDS", 0.1)
    freely.behave = behave
    watching = Watch(interval=0.1, on_problem=lambda problem: None)
    give_up_at = time.monotonic() + 120
    with connection.execute_wrapper(fail):
        for attempt in watching:
            if attempt is None and is_down.is_set():
                # The run was ended by the outage, and the watch is about to begin another.
                assert Notification.objects.exclude(claim_token=None).count() == 5
                is_down.clear()
            elif attempt is None and (len(sent) == 5 or time.monotonic() > give_up_at):
                watching.stop()
    assert sorted(sent) == [f"number {number}" for number in range(5)]
    assert states(record) == {("DELIVERED", 0, None)}


class BatchWatcher(Observer):
    """Knows which batches have begun and not ended."""

    def __init__(self) -> None:
        self.begun = 0
        self.open: set[Any] = set()

    def batch_began(self, target: Any, token: Any, notifications: Any) -> None:
        self.begun += 1
        self.open.add(token)

    def batch_ended(self, target: Any, token: Any, problem: str) -> None:
        self.open.remove(token)


@pytest.fixture
def watcher() -> Iterator[BatchWatcher]:
    watcher = BatchWatcher()
    add_observer(watcher)
    yield watcher
    remove_observer(watcher)


@in_real_transactions
def test_a_batch_that_the_database_does_not_let_begin_is_ended_and_given_back(
    record: TargetUserRecord, make_due: MakeDue, watcher: BatchWatcher
) -> None:
    make_due(record, title="expired", expires_at=timezone.now() - timedelta(hours=1))
    make_due(record, title="eggs")

    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        if writes_a_status(sql):
            raise DatabaseError("disk I/O error")
        return execute(sql, *arguments)

    with connection.execute_wrapper(fail), pytest.raises(DatabaseError):
        list(Run())
    assert (watcher.begun, watcher.open) == (1, set())
    assert states(record) == {("SCHEDULED", 0, None)}


@in_real_transactions
def test_batches_are_over_for_whoever_watches_though_the_database_stays_away(
    record: TargetUserRecord,
    loft: TargetUserRecord,
    make_due: MakeDue,
    watcher: BatchWatcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lose_patience_soon(monkeypatch)
    make_due(record)
    make_due(loft)
    claims = 0

    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        nonlocal claims
        claims += sql.startswith("UPDATE")
        if claims > 2:  # after both targets' own
            raise OperationalError(2006, "database is locked")
        return execute(sql, *arguments)

    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        list(Run())
    assert (watcher.begun, watcher.open) == (2, set())


@in_real_transactions
@pytest.mark.skipif(connection.vendor != "sqlite", reason="others lock what they read for a claim")
def test_a_claim_takes_no_row_that_another_run_has_moved_since_it_looked(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    """SQLite lets a claim's UPDATE wait for other writers, and so for other runs."""
    notification = make_due(loft, title="retry")
    now = timezone.now()
    others: list[Run] = []

    def let_another_run_come_first(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("UPDATE") and not others:
            others.append(Run())
            assert len(list(others[0])) == 1
        return execute(sql, *arguments)

    with connection.execute_wrapper(let_another_run_come_first):
        claim = take(Due(target=loft.target, due_by=now, using="default"), 10, lease_seconds=60)
    assert claim.notifications == []
    notification.refresh_from_db()
    assert (notification.retry_attempts, notification.claim_token) == (1, None)


@in_real_transactions
def test_no_handler_is_given_up_that_only_waited_for_whoever_reads(
    record: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    """As where the output goes to a pager, and its reader to lunch."""
    # So long that a lane at work on a busy machine is not given up either.
    settings.NOTIFICATION_SYSTEM = {"LEASE_SECONDS": 3, "BATCH_SIZE": 1, "RECORD_EVERY": 1}
    for row_of in (record, loft):
        for number in range(3):
            make_due(row_of, title=f"number {number}")
    run = Run()
    for number, _ in enumerate(run):
        if number == 0:
            time.sleep(3.5)
    assert run.problems == {}
    assert set(Notification.objects.values_list("status", flat=True)) == {"DELIVERED"}


@pytest.mark.parametrize(
    "error_type", [CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit]
)
@pytest.mark.parametrize("in_manner_of_1_5_3", [False, True])
@in_real_transactions
def test_what_is_no_exception_to_python_is_one_of_the_handler_all_the_same(
    record: TargetUserRecord,
    make_due: MakeDue,
    error_type: type[BaseException],
    in_manner_of_1_5_3: bool,
) -> None:
    """``asyncio`` and ``gevent`` raise such: to let it pass would send again in each run."""

    def send(notification: Notification) -> Outcome:
        if notification.title == "bad":
            raise error_type
        return Outcome.delivered(notification, "Sent.")

    freely.behave = lambda notifications: map(send, notifications)
    old.behave = send
    if in_manner_of_1_5_3:
        NotificationTarget.objects.filter(pk=record.target_id).update(
            notification_module_name="old"
        )
    titles = ["first", "bad", "last"]
    rows = [make_due(record, title=title) for title in titles]
    try:
        assert len(list(Run())) == 3
    finally:
        old.behave = None
    for row in rows:
        row.refresh_from_db()
    assert [(row.status, row.retry_attempts) for row in rows] == [
        (Notification.DELIVERED, 0),
        (Notification.RETRY, 1),
        (Notification.DELIVERED, 0),
    ]
    assert rows[1].response == error_type.__name__


def test_a_worker_that_is_cancelled_ends_the_work() -> None:
    def work(item: int) -> Iterator[int]:
        raise CancelledError
        yield item

    errors: list[BaseException] = []

    def consume() -> None:
        try:
            list(side_by_side(work, [1], workers=1))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=consume, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert [type(error) for error in errors] == [CancelledError]


@in_real_transactions
def test_a_run_that_goes_on_for_weeks_keeps_no_thread_that_has_ended(
    record: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"RECORD_EVERY": 1}
    make_due(record)
    for number in range(20):
        make_due(loft, title=f"bird {number}")
    loft_handler.watchers.append(lambda notification: time.sleep(0.1))
    opened, kept = 0, 0
    for attempt in watching_run(lambda: True):
        if attempt.target.name == "Freely":
            opened += 1
            make_due(record, title=f"number {opened}", scheduled_delivery=timezone.now())
            if opened == 10:
                gc.collect()  # what nobody holds any more, and only waits to be swept
                # By the type: a lazy object of another test would come to life when asked.
                kept = sum(
                    issubclass(type(each), threading.Thread)
                    and each.name == "Freely"
                    and not each.is_alive()
                    for each in gc.get_objects()
                )
                break
    assert opened == 10
    assert kept < opened / 2  # it was nine of ten


#: What a server says that refuses for a while: too slow today, or no more the primary.
PASSING_REFUSALS = {
    "postgresql": (
        ["SET statement_timeout = 50", "SELECT pg_sleep(5)"],
        ["SET default_transaction_read_only = on", "CREATE TABLE refused (number integer)"],
    ),
    "mysql": (
        ["SIGNAL SQLSTATE '70100' SET MYSQL_ERRNO = 1969"],
        ["SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290"],
    ),
    "sqlite": (),
}


@in_real_transactions
@pytest.mark.skipif(connection.vendor == "sqlite", reason="has no time limit and no replicas")
def test_a_statement_that_took_too_long_or_met_a_replica_is_tried_again(user: Any) -> None:
    """To record a delivery as one that cannot be stored would be worse: it has arrived."""
    for refused in PASSING_REFUSALS[connection.vendor]:
        calls = 0

        def operate(statements: list[str] = refused) -> str:
            nonlocal calls
            calls += 1
            if calls == 1:
                with connection.cursor() as cursor:
                    for statement in statements:
                        cursor.execute(statement)
            return "done"

        assert database.patiently(operate) == "done"
        assert calls == 2
