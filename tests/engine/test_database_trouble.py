"""The database is full, kills connections or refuses: a delivery is recorded as what it was."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
)
from django.db.utils import DataError

from django_notification_system import database
from django_notification_system.database import (
    REQUEST_PATIENCE_SECONDS,
    is_passing,
    patiently,
    refuses_value,
    waiting_at_most,
)
from django_notification_system.delivery.runs import watch
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from tests.conftest import MakeDue
from tests.support.handlers import loft as loft_handler
from tests.support.handlers import old
from tests.support.runs import in_real_transactions, writes_a_status

pytestmark = in_real_transactions

#: What a server says for a while, by Django's word for it. They are raised by the server itself.
PASSING = {
    "mysql": {
        "a killed statement": 1317,
        "a killed connection": 1927,
        "a full table": 1114,
        "a full disk": 1021,
        "a file that cannot be written": 1026,
        "the storage engine's own error": 1030,
        "a row that has changed since": 1020,
        "a read-only transaction": 1792,
    },
    "postgresql": {
        "a full disk": "53100",
        "no memory": "53200",
        "a disk that fails": "58030",
        "a transaction idle for too long": "25P03",
        "an administrator's command": "57P01",
        "a read-only transaction": "25006",
    },
    "sqlite": {},
}
#: What it says whatever the values, and for long: there is no such right.
LASTING = {"mysql": 1142, "postgresql": "42501"}


def refuse(code: Any) -> None:
    """Let the server itself refuse a statement with a code of its own."""
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute(f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}")
        elif connection.vendor == "postgresql":
            cursor.execute(
                f"DO $$ BEGIN RAISE EXCEPTION 'Refused' USING ERRCODE = '{code}'; END $$"
            )
        else:
            cursor.execute("SELECT * FROM there_is_no_such_table")


@contextmanager
def trouble_while_recording(cause: Callable[[], None], times: int = 1) -> Iterator[list[str]]:
    """Cause trouble right before outcomes are written, so many times; yield what was refused."""
    refused: list[str] = []

    def meddle(execute: Any, sql: str, *arguments: Any) -> Any:
        if writes_a_status(sql) and len(refused) < times:
            refused.append(sql)
            cause()
        return execute(sql, *arguments)

    with connection.execute_wrapper(meddle):
        yield refused


def assert_all_arrived_once(number: int) -> None:
    assert sorted(loft_handler.flown) == sorted(f"bird {index}" for index in range(number))
    rows = Notification.objects.values_list("status", "response", "claim_token").distinct()
    assert list(rows) == [("DELIVERED", "Cooed.", None)]


@pytest.fixture
def three_due(loft: TargetUserRecord, make_due: MakeDue) -> TargetUserRecord:
    for index in range(3):
        make_due(loft, title=f"bird {index}")
    return loft


@pytest.mark.parametrize("what", PASSING[connection.vendor])
def test_what_passes_is_waited_for_and_the_delivery_recorded(
    three_due: TargetUserRecord, what: str
) -> None:
    code = PASSING[connection.vendor][what]
    with trouble_while_recording(lambda: refuse(code), times=2) as refused:
        list(Run())
    assert len(refused) == 2
    assert_all_arrived_once(3)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="limits the pages of SQLite's file")
def test_a_full_disk_is_waited_for_on_sqlite(loft: TargetUserRecord, make_due: MakeDue) -> None:
    for index in range(100):
        make_due(loft, title=f"bird {index}")
    refused: list[OperationalError] = []

    def limit_pages(number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA max_page_count = {number}")

    def free_some_room_after_two_refusals(execute: Any, sql: str, *arguments: Any) -> Any:
        try:
            return execute(sql, *arguments)
        except OperationalError as error:
            refused.append(error)
            if len(refused) == 2:
                limit_pages(1_000_000)
            raise

    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        (pages,) = cursor.execute("PRAGMA page_count").fetchone()
    limit_pages(pages)
    try:
        with connection.execute_wrapper(free_some_room_after_two_refusals):
            list(Run())
    finally:
        limit_pages(1_000_000)
    assert [str(error) for error in refused] == ["database or disk is full"] * 2
    assert_all_arrived_once(100)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's file")
@pytest.mark.parametrize("name", ["{folder}/no such folder/file", "file:{folder}/file?mode=ro"])
def test_a_file_that_is_not_there_or_takes_no_writes_may_later(tmp_path: Path, name: str) -> None:
    """A disk that is not mounted as yet, or was mounted anew because of an error."""
    sqlite3.connect(tmp_path / "file").close()
    another = connections.create_connection("default")
    another.settings_dict = {**another.settings_dict, "NAME": name.format(folder=tmp_path)}
    try:
        with pytest.raises(OperationalError) as refused, another.cursor() as cursor:
            cursor.execute("CREATE TABLE refused (number integer)")
    finally:
        another.close()
    assert is_passing(refused.value, "sqlite")


@pytest.mark.skipif(connection.vendor == "sqlite", reason="has no connections to a server")
def test_a_connection_that_the_server_kills_loses_no_delivery(three_due: TargetUserRecord) -> None:
    with trouble_while_recording(kill_this_connection):
        list(Run())
    assert_all_arrived_once(3)


def kill_this_connection() -> None:
    """Let another connection kill the one that the run is about to use."""
    another = connections.create_connection("default")
    words = {
        "mysql": ("SELECT CONNECTION_ID()", "KILL %s"),
        "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend(%s)"),
    }[connection.vendor]
    with connection.cursor() as mine:
        mine.execute(words[0])
        (number,) = mine.fetchone()
    try:
        with another.cursor() as cursor:
            cursor.execute(words[1], [number])
    finally:
        another.close()


@pytest.mark.skipif(connection.vendor != "mysql", reason="a table of MariaDB's in memory")
def test_a_full_table_is_one_that_may_have_room_later() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET max_heap_table_size = 16384")
        cursor.execute("CREATE TEMPORARY TABLE full_table (text CHAR(250)) ENGINE = MEMORY")
        try:
            rows = [["x"]] * 1000
            with pytest.raises(OperationalError) as refused:
                cursor.executemany("INSERT INTO full_table VALUES (%s)", rows)
        finally:
            cursor.execute("DROP TEMPORARY TABLE full_table")
            cursor.execute("SET max_heap_table_size = DEFAULT")
    assert is_passing(refused.value, "mysql")


def test_what_the_database_refuses_whatever_the_values_is_no_fault_of_the_handler(
    three_due: TargetUserRecord,
) -> None:
    with (
        trouble_while_recording(lambda: refuse(LASTING.get(connection.vendor)), times=1000),
        pytest.raises(DatabaseError),
    ):
        list(Run())
    assert len(loft_handler.flown) == 3
    rows = Notification.objects.values_list("status", "response").distinct()
    assert list(rows) == [("SCHEDULED", "")]


def test_a_watch_keeps_what_it_cannot_record_until_it_can(
    three_due: TargetUserRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "DATABASE_RETRY_SECONDS", 0.1)
    watching = watch.Watch(interval=0.1, on_problem=lambda problem: None)
    refuse_now = lambda: refuse(LASTING.get(connection.vendor))  # noqa: E731
    with trouble_while_recording(refuse_now, times=4) as refused:
        for attempt in watching:
            if attempt is None and len(refused) == 4:
                watching.stop()
    assert_all_arrived_once(3)


def test_what_a_handler_in_the_manner_of_1_5_3_saved_itself_is_read_when_the_database_is_back(
    user: Any, make_due: MakeDue, settings: Any
) -> None:
    """Else it would be called once more for a message that is out."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    target = NotificationTarget.objects.create(name="Old", notification_module_name="old")
    record = TargetUserRecord.objects.create(user=user, target=target, target_user_id="attic")
    notification = make_due(record)
    calls = 0

    def save_past_the_engine(sent: Notification) -> str:
        nonlocal calls
        calls += 1
        Notification.objects.filter(pk=sent.pk).update(status="DELIVERED")
        connection.execute_wrappers.append(fail_once)
        return "Sent."

    def fail_once(execute: Any, sql: str, *arguments: Any) -> Any:
        connections["default"].execute_wrappers.remove(fail_once)
        raise OperationalError(2006, "database is locked")

    old.behave = save_past_the_engine
    try:
        list(Run())
    finally:
        old.behave = None
    notification.refresh_from_db()
    assert (calls, notification.status, notification.response) == (1, "DELIVERED", "Sent.")


@pytest.mark.parametrize(("name", "value"), [("retry_attempts", 2**70), ("body", None)])
def test_a_value_that_no_database_takes_is_known_as_such(
    loft: TargetUserRecord, make_due: MakeDue, name: str, value: Any
) -> None:
    notification = make_due(loft)
    with pytest.raises(Exception) as refused:  # noqa: PT011 # whatever each database says
        Notification.objects.filter(pk=notification.pk).update(**{name: value})
    assert refuses_value(refused.value, connection.vendor)
    assert not is_passing(refused.value, connection.vendor)


@pytest.mark.parametrize("error", [ProgrammingError(1146, "There is no such table.")])
def test_a_database_without_the_tables_refuses_no_value(error: DatabaseError) -> None:
    assert not refuses_value(error, "mysql")
    assert refuses_value(DataError(1406, "Data too long."), "mysql")


def test_patience_is_not_for_what_does_not_pass(db: None) -> None:
    calls = 0

    def operate() -> None:
        nonlocal calls
        calls += 1
        refuse(LASTING.get(connection.vendor))

    with pytest.raises(DatabaseError):
        patiently(operate)
    assert calls == 1


def test_a_request_waits_for_a_shorter_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def fail() -> None:
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(database, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    with pytest.raises(InterfaceError), waiting_at_most(REQUEST_PATIENCE_SECONDS):
        patiently(fail)
    longest = REQUEST_PATIENCE_SECONDS + database.LONGEST_PAUSE_SECONDS
    assert 100 + REQUEST_PATIENCE_SECONDS < now <= 100 + longest
