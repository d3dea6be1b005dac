"""The database is away, read-only, or behind a pooler that restarts: who waits, and says what."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from django_notification_system.delivery.runs import run, watch
from django_notification_system.operations.console import forced_end
from tests.conftest import MakeDue
from tests.databases import DATABASES
from tests.settings import TEST_DATABASE
from tests.support.handlers import loft as loft_handler
from tests.support.pooler import Pooler
from tests.support.runs import in_real_transactions, lose_patience_soon, wait_until
from tests.support.workers.pool import ENDED_BY_FORCE, Workers, migrated_workers

on_a_server = pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="has no server to be away")


class ReadOnly:
    """Makes the database take no writes, in the way that it has for that."""

    def __init__(self) -> None:
        self.refused: list[Exception] = []
        self.is_over = False

    def __call__(self, execute: Any, sql: str, *arguments: Any) -> Any:
        if not sql.startswith("UPDATE") or self.is_over:
            return execute(sql, *arguments)
        try:
            return self._execute_read_only(execute, sql, *arguments)
        except Exception as error:
            self.refused.append(error)
            raise

    def _execute_read_only(self, execute: Any, sql: str, *arguments: Any) -> Any:
        # Past the wrapper, which this is.
        with connection.cursor() as cursor, connection.wrap_database_errors:
            if connection.vendor == "mysql":
                cursor.cursor.execute("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290")
            elif connection.vendor == "postgresql":
                cursor.cursor.execute("SET transaction_read_only = on; DELETE FROM auth_user")
            else:
                cursor.cursor.execute("PRAGMA query_only = ON")
                try:
                    return execute(sql, *arguments)
                finally:
                    cursor.cursor.execute("PRAGMA query_only = OFF")
        raise AssertionError("It was to be refused.")


@in_real_transactions
def test_a_watch_outlives_a_database_that_takes_no_writes_for_longer_than_a_run_waits(
    loft: Any, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_patience_soon(monkeypatch)
    monkeypatch.setattr(watch, "DATABASE_RETRY_SECONDS", 0.05)
    make_due(loft, title="bird")
    read_only = ReadOnly()
    watching = watch.Watch(interval=0.05, on_problem=lambda problem: None)
    ends = 0
    with connection.execute_wrapper(read_only):
        for attempt in watching:
            ends += attempt is None and not read_only.is_over
            read_only.is_over = ends >= 2  # it has lost its patience twice
            if attempt is not None:
                watching.stop()
    assert len(read_only.refused) > 2
    assert loft_handler.flown == ["bird"]


@in_real_transactions
@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's own setting")
def test_a_watch_outlives_a_session_that_postgresql_ends_for_its_idleness(
    loft: Any, make_due: MakeDue
) -> None:
    """``idle_in_transaction_session_timeout``: the machine was too busy within a transaction."""
    make_due(loft, title="bird")
    dawdled = 0

    def dawdle(execute: Any, sql: str, *arguments: Any) -> Any:
        nonlocal dawdled
        if connection.in_atomic_block and not dawdled:
            dawdled += 1
            with connection.cursor() as cursor:
                cursor.cursor.execute("SET idle_in_transaction_session_timeout = '1ms'")
            time.sleep(0.1)
        return execute(sql, *arguments)

    watching = watch.Watch(interval=0.1, on_problem=lambda problem: None)
    with connection.execute_wrapper(dawdle):
        for attempt in watching:
            if attempt is not None:
                watching.stop()
    assert (dawdled, loft_handler.flown) == (1, ["bird"])


@in_real_transactions
def test_a_watch_says_whom_it_cannot_reach_and_begins_when_the_database_is_there(
    loft: Any, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where all containers are started at once."""
    lose_patience_soon(monkeypatch)
    make_due(loft, title="bird")
    begun: list[Any] = []
    watching = watch.Watch(interval=0.05, on_problem=lambda problem: None, on_begin=begun.append)
    away = True

    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        if away:
            raise OperationalError(2003, "database is locked")
        return execute(sql, *arguments)

    with connection.execute_wrapper(fail):
        for attempt in watching:
            assert away == (not begun)
            away = False
            if attempt is not None:
                watching.stop()
    assert loft_handler.flown == ["bird"]
    assert len(begun) == 1


@in_real_transactions
@pytest.mark.parametrize("command", ["process_notifications", "hand_over_notifications"])
def test_a_command_whose_database_stays_away_ends_with_one_line(
    loft: Any, make_due: MakeDue, settings: Any, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    lose_patience_soon(monkeypatch)
    settings.NOTIFICATION_SYSTEM = {"ENGINE": "tests.support.handlers.engine"}
    make_due(loft)

    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        raise OperationalError(2003, "database is locked")

    started = time.monotonic()
    with connection.execute_wrapper(fail), pytest.raises(CommandError) as ended:
        call_command(command)
    assert time.monotonic() - started > 0.2
    said = str(ended.value)
    assert said.startswith("The database is out of reach (OperationalError: ")
    assert "\n" not in said


@pytest.fixture
def pooler() -> Iterator[Pooler]:
    server = DATABASES[TEST_DATABASE]
    with Pooler(server["HOST"], int(server["PORT"])) as pooler:
        yield pooler


@pytest.fixture
def workers(tmp_path: Path, pooler: Pooler) -> Iterator[Workers]:
    """Workers that reach their database through the pooler, which is closed."""
    with migrated_workers(tmp_path) as workers:
        workers.python("-m", "tests.support.workers.fill", "1")
        through = {
            "TEST_DATABASE_HOST": "127.0.0.1",
            f"TEST_{TEST_DATABASE.upper()}_PORT": str(pooler.port),
        }
        direct = dict(workers.environment)
        workers.environment |= through
        yield workers
        workers.environment |= direct


@on_a_server
def test_a_watch_waits_from_its_first_moment_and_outlives_a_pooler_that_restarts(
    workers: Workers, pooler: Pooler
) -> None:
    watching = workers.start("--watch", "--interval", "0.5")
    assert watching.stderr is not None
    assert "The database is out of reach; waiting for it." in watching.stderr.readline()
    assert watching.poll() is None
    pooler.open()
    wait_until(lambda: workers.deliveries().total() == 1)
    for number in (2, 3):
        pooler.close()
        time.sleep(0.5)
        pooler.open()
        workers.python("-m", "tests.support.workers.fill", "1")
        wait_until(lambda: workers.deliveries().total() == number)  # noqa: B023 # called now
        assert watching.poll() is None
    watching.send_signal(signal.SIGTERM)
    _, errors = watching.communicate(timeout=120)
    assert watching.returncode == 0, errors
    assert "Traceback" not in errors


@on_a_server
@pytest.mark.parametrize("options", [(), ("--watch",)], ids=["a run", "a watch"])
def test_a_process_whose_database_neither_answers_nor_refuses_ends_by_force(
    workers: Workers, pooler: Pooler, options: tuple[str, ...]
) -> None:
    """Its main thread is in the driver, where Python heeds no signal."""
    pooler.open()
    workers.limit(force_after=2)
    worker = workers.start(*options, delay=1)
    wait_until(lambda: workers.deliveries().total() == 1)
    pooler.swallow()
    assert pooler.swallowed.wait(20)
    worker.send_signal(signal.SIGTERM)
    _, errors = worker.communicate(timeout=120)
    assert (worker.returncode, errors.splitlines()[-1]) == (1, ENDED_BY_FORCE)
    assert workers.statuses() == {"SCHEDULED+claimed": 1}


def test_a_command_within_another_program_ends_nothing_by_force(
    loft: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("os._exit", asked.append)
    monkeypatch.setattr(forced_end, "FORCE_AFTER_SECONDS", 0)
    before = signal.set_wakeup_fd(-1)

    class Interrupted(run.Run):
        def __iter__(self) -> Any:
            signal.raise_signal(signal.SIGTERM)
            asked.append(signal.set_wakeup_fd(-1))
            return super().__iter__()

    command = "django_notification_system.management.commands.process_notifications.Run"
    monkeypatch.setattr(command, Interrupted)
    call_command("process_notifications")
    signal.set_wakeup_fd(before)
    assert asked == [-1]
