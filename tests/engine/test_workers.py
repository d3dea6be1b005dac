"""Several processes on one database: each notification once, whatever dies."""

import random
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.nightly import NIGHTLY
from tests.settings import TEST_DATABASE
from tests.support.runs import wait_until
from tests.support.workers.pool import Workers, end_connections, migrated_workers

NOTIFICATIONS = 20_000 if NIGHTLY else 1_200
#: With small ones by day, so that the workers meet as often as over many rows: thirty or forty
#: batches.
BATCH_SIZE = 500 if NIGHTLY else 30
KILLED_OVER = 5_000 if NIGHTLY else 1_200
MOST_KILLS = 20 if NIGHTLY else 8
OVER_A_WAL = 20_000 if NIGHTLY else 900
PRIORITISED = 1_500 if NIGHTLY else 600
PROCESSES = 4
RECORD_EVERY = 50


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    """Workers on a database of their own, migrated and empty."""
    with migrated_workers(tmp_path) as workers:
        yield workers


def test_overlapping_runs_send_each_notification_once(workers: Workers) -> None:
    workers.python("-m", "tests.support.workers.fill", str(NOTIFICATIONS))
    started = [workers.start(BATCH_SIZE=BATCH_SIZE) for _ in range(PROCESSES)]
    for worker in started:
        _, errors = worker.communicate(timeout=300)
        assert (worker.returncode, errors) == (0, "")
    deliveries = workers.deliveries()
    assert len(deliveries) == NOTIFICATIONS
    assert set(deliveries.values()) == {1}
    assert workers.statuses() == {"DELIVERED": NOTIFICATIONS}


def test_overlapping_runs_send_each_once_whatever_its_priority(workers: Workers) -> None:
    workers.python("-m", "tests.support.workers.fill", str(PRIORITISED), "4")
    started = [workers.start(BATCH_SIZE=20) for _ in range(PROCESSES)]
    for worker in started:
        _, errors = worker.communicate(timeout=300)
        assert (worker.returncode, errors) == (0, "")
    deliveries = workers.deliveries()
    assert len(deliveries) == PRIORITISED
    assert set(deliveries.values()) == {1}
    assert workers.statuses() == {"DELIVERED": PRIORITISED}


@pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="SQLite's kind of journal")
def test_overlapping_runs_send_each_once_with_a_write_ahead_log(workers: Workers) -> None:
    with closing(sqlite3.connect(workers.environment["WORKERS_DATABASE"])) as link:
        assert link.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
    workers.python("-m", "tests.support.workers.fill", str(OVER_A_WAL))
    started = [workers.start(BATCH_SIZE=BATCH_SIZE) for _ in range(PROCESSES)]
    for worker in started:
        _, errors = worker.communicate(timeout=300)
        assert (worker.returncode, errors) == (0, "")
    assert set(workers.deliveries().values()) == {1}
    assert workers.statuses() == {"DELIVERED": OVER_A_WAL}


def test_killing_workers_loses_nothing(
    workers: Workers, capsys: pytest.CaptureFixture[str]
) -> None:
    workers.python("-m", "tests.support.workers.fill", str(KILLED_OVER))
    chance = random.Random(20261124)
    engine: dict[str, Any] = {
        "LEASE_SECONDS": 2,
        "BATCH_SIZE": 100,
        "RECORD_EVERY": RECORD_EVERY,
        # A slow machine may kill three workers that hold the same row; the row is at no fault.
        "MAX_INTERRUPTIONS": 1000,
    }
    started = [workers.start("--watch", "--interval", "1", delay=0.002, **engine) for _ in range(4)]
    kills = 0
    deadline = time.monotonic() + 240
    while len(workers.deliveries()) < KILLED_OVER and time.monotonic() < deadline:
        # Not before the last one's successor may have done something worth killing it for.
        seen = len(workers.deliveries()) + KILLED_OVER // MOST_KILLS
        while len(workers.deliveries()) < min(seen, KILLED_OVER) and time.monotonic() < deadline:
            time.sleep(chance.uniform(0, 0.2))
        victim = chance.randrange(len(started))
        started[victim].send_signal(signal.SIGKILL)
        kills += 1
        started[victim] = workers.start("--watch", "--interval", "1", delay=0.002, **engine)
    while workers.statuses().keys() != {"DELIVERED"} and time.monotonic() < deadline:
        time.sleep(0.1)
    deliveries = workers.deliveries()
    duplicates = deliveries.total() - len(deliveries)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{TEST_DATABASE}: {kills} kills, {duplicates} of {KILLED_OVER} sent again\n"
        )
    assert workers.statuses() == {"DELIVERED": KILLED_OVER}
    assert len(deliveries) == KILLED_OVER
    # One connection a worker: what was in flight, and what was not recorded as yet.
    assert kills >= 1
    assert duplicates <= kills * (1 + RECORD_EVERY)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_a_worker_repeats_nothing_and_releases_the_rest_at_once(
    workers: Workers, number: signal.Signals
) -> None:
    workers.python("-m", "tests.support.workers.fill", "500")
    worker = workers.start(delay=0.02)
    while workers.deliveries().total() < 20:
        time.sleep(0.05)
        assert worker.poll() is None
    worker.send_signal(number)
    worker.communicate(timeout=120)
    assert worker.returncode == 0  # it would be 1 after an end by force, within ten seconds
    delivered = workers.deliveries().total()
    assert delivered < 500
    assert workers.statuses() == {"DELIVERED": delivered, "SCHEDULED": 500 - delivered}
    worker = workers.start()
    worker.communicate(timeout=120)
    assert set(workers.deliveries().values()) == {1}
    assert workers.statuses() == {"DELIVERED": 500}


def test_watch_delivers_what_comes_and_ends_in_order(workers: Workers) -> None:
    # Only PostgreSQL tells of an insert; elsewhere the interval has to be short.
    interval = "60" if TEST_DATABASE == "postgresql" else "0.5"
    worker = workers.start("--watch", "--interval", interval)
    # The first may have been there before it began; after that it watches.
    for number in (1, 3):
        workers.python("-m", "tests.support.workers.fill", "1" if number == 1 else "2")
        # Less than the interval: PostgreSQL's word has to wake the worker for the second and third.
        wait_until(lambda: workers.deliveries().total() >= number, seconds=45)  # noqa: B023
        assert workers.deliveries().total() == number
        assert worker.poll() is None
    worker.send_signal(signal.SIGTERM)
    _, errors = worker.communicate(timeout=120)
    assert (worker.returncode, errors) == (0, "")
    assert workers.statuses() == {"DELIVERED": 3}


@pytest.mark.skipif(TEST_DATABASE != "postgresql", reason="ends connections as PostgreSQL does")
def test_a_database_that_restarts_loses_nothing(workers: Workers) -> None:
    workers.python("-m", "tests.support.workers.fill", "2000")
    started = [workers.start(delay=0.002) for _ in range(2)]
    ended = 0
    while any(worker.poll() is None for worker in started):
        time.sleep(0.5)
        ended += end_connections(workers.environment["WORKERS_DATABASE"])
    for worker in started:
        _, errors = worker.communicate()
        assert worker.returncode == 0, errors
    assert ended >= 2
    workers.start().communicate(timeout=120)  # what a commit without an answer left claimed
    deliveries = workers.deliveries()
    assert len(deliveries) == 2000
    assert deliveries.total() - 2000 <= ended * (1 + RECORD_EVERY)
