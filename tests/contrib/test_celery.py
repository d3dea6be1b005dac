"""Celery's own workers, on real brokers: each notification once, whatever dies.

On PostgreSQL alone: what is different elsewhere is how rows are claimed and taken over, and that is
tested on every database in ``test_handover.py`` and ``test_workers.py``.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.nightly import NIGHTLY
from tests.settings import TEST_DATABASE
from tests.support.brokers import URLS, own_broker, require
from tests.support.ports import refusing_port
from tests.support.workers.celery_pool import CeleryWorkers
from tests.support.workers.pool import database_of_its_own

pytestmark = pytest.mark.skipif(
    TEST_DATABASE != "postgresql", reason="Celery is the same for every database."
)

RECORD_EVERY = 50
KILLED_OVER = 3_000 if NIGHTLY else 1_500
on_each_broker = pytest.mark.parametrize("broker", list(URLS))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with its tables, for one test after the other."""
    folder = tmp_path_factory.mktemp("database")
    with database_of_its_own(folder) as name:
        CeleryWorkers(folder, name, "").python("-m", "django", "migrate", "-v0")
        yield name


@contextmanager
def workers_on(
    url: str, database: str, folder: Path, number: int, **settings: Any
) -> Iterator[CeleryWorkers]:
    """Make workers, and so many notifications for them to deliver."""
    workers = CeleryWorkers(folder, database, url, **settings)
    workers.python("-c", FILL_ANEW, str(number))
    try:
        yield workers
    finally:
        workers.end()


FILL_ANEW = """
import sys
from tests.support.workers.fill import fill
from django_notification_system.models import Notification
Notification.objects.all().delete()
fill(int(sys.argv[1]))
"""


def are_through(workers: CeleryWorkers, number: int) -> bool:
    return len(workers.deliveries()) == number and workers.statuses() == {"DELIVERED": number}


THRICE_AND_NEVER = """
import django; django.setup()
from tests.support.workers.celery_app import app
from django_notification_system.contrib.celery import enqueue
from django_notification_system.delivery.handover import claim_batches
batches = claim_batches()
first, lost = next(batches), next(batches)
for _ in range(3):
    enqueue(first)
"""


@on_each_broker
def test_workers_deliver_each_once_though_batches_come_thrice_or_never(
    broker: str, database: str, tmp_path: Path
) -> None:
    engine = {"BATCH_SIZE": 50, "IN_FLIGHT": 4, "LEASE_SECONDS": 5}
    with workers_on(require(broker), database, tmp_path, 1_500, **engine) as workers:
        workers.python("-c", THRICE_AND_NEVER)
        workers.python("-m", "tests.support.workers.notify_by_type")
        for _ in range(2):
            workers.start_worker()
        workers.start_beat()
        # Two hundred a second from beat alone: the rest is what each batch brings after it.
        workers.wait_until(lambda: len(workers.deliveries()) == 1_501)
        workers.wait_until(lambda: are_through(workers, 1_501))
        assert set(workers.deliveries().values()) == {1}
        # A worker knows the type, and makes the text.
        assert workers.responses() == {"Spooled.", "Spooled. 17 for egg"}


@on_each_broker
def test_killing_workers_again_and_again_loses_nothing(
    broker: str, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = {"LEASE_SECONDS": 3, "BATCH_SIZE": 100, "RECORD_EVERY": RECORD_EVERY}
    chance = random.Random(20261124)
    with workers_on(
        require(broker), database, tmp_path, KILLED_OVER, delay=0.005, **engine
    ) as workers:
        workers.start_beat()
        started = [workers.start_worker() for _ in range(2)]
        kills = 0
        begun = time.monotonic()
        while (done := len(workers.deliveries())) < KILLED_OVER and time.monotonic() < begun + 100:
            # Not before the last one's successor may have done something worth killing it for.
            goal = min(done + KILLED_OVER // 6, KILLED_OVER)
            patience = time.monotonic() + 8
            while len(workers.deliveries()) < goal and time.monotonic() < patience:
                time.sleep(chance.uniform(0, 0.2))
            victim = chance.randrange(len(started))
            child = workers.child_of(started[victim])
            if kills % 2 and child is not None:
                os.kill(child, signal.SIGKILL)  # and its worker starts another
            else:
                workers.kill(started[victim])
                started[victim] = workers.start_worker()
            kills += 1
        workers.wait_until(lambda: are_through(workers, KILLED_OVER))
        deliveries = workers.deliveries()
        duplicates = deliveries.total() - KILLED_OVER
        with capsys.disabled():
            sys.stdout.write(
                f"\nCelery on {broker}: {kills} kills, {duplicates} of {KILLED_OVER} sent again,"
                f" {time.monotonic() - begun:.0f} s\n"
            )
        assert kills >= 3
        # What was in flight, and what was not recorded as yet; one worker has one at a time.
        assert duplicates <= kills * (1 + RECORD_EVERY)


@on_each_broker
def test_a_broker_that_is_killed_and_restarted_loses_nothing(
    broker: str, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = {"LEASE_SECONDS": 4, "BATCH_SIZE": 50, "IN_FLIGHT": 8}
    folder = tmp_path / "broker"
    folder.mkdir()
    with (
        own_broker(broker, folder) as server,
        workers_on(server.url, database, tmp_path, 1_000, delay=0.005, **engine) as workers,
    ):
        workers.start_beat()
        for _ in range(2):
            workers.start_worker()
        workers.wait_until(lambda: len(workers.deliveries()) > 200)
        server.kill()
        before = len(workers.deliveries())
        time.sleep(1)
        server.start()
        restarted = time.monotonic()
        workers.wait_until(lambda: are_through(workers, 1_000))
        duplicates = workers.deliveries().total() - 1_000
        with capsys.disabled():
            sys.stdout.write(
                f"\n{broker} was killed after {before} of 1000 and restarted:"
                f" {duplicates} sent again, {time.monotonic() - restarted:.0f} s\n"
            )
        assert before < 1_000
        assert duplicates == 0  # no worker died


BROKER_IS_DOWN = """
import django; django.setup()
import time
from tests.support.workers.celery_app import app
from django_notification_system.contrib.celery.tasks import send
from django_notification_system.delivery.handover import HandOverFailed, hand_over_due
from django_notification_system.models import Notification
started = time.monotonic()
try:
    hand_over_due(send)
except HandOverFailed as error:
    print(error)
assert time.monotonic() - started < 60, time.monotonic() - started
"""


def test_a_broker_that_is_down_is_told_of_and_leaves_everything_due(
    database: str, tmp_path: Path
) -> None:
    with workers_on("", database, tmp_path, 30, BATCH_SIZE=10) as workers, refusing_port() as port:
        for scheme in ("redis", "amqp"):
            workers.environment["CELERY_BROKER"] = f"{scheme}://127.0.0.1:{port}//"
            said = workers.python("-c", BROKER_IS_DOWN)
            assert said.startswith("The task engine did not take a batch of 10 notifications")
            assert "Is the broker up?" in said
            assert workers.statuses() == {"SCHEDULED": 30}


APP_OF_ONE_THREAD = """
import django; django.setup()
from celery import Celery
# Without its part for Django, an app is the current one of the thread that made it, and no other's.
app = Celery("ours", fixups=[], broker="memory://")
from django_notification_system.contrib.celery import enqueue
from django_notification_system.delivery.handover import claim_batches
for batch in claim_batches():
    enqueue(batch)
with app.connection_for_read() as connection:
    print(len(connection.SimpleQueue("celery")))
"""


def test_a_batch_is_sent_by_the_app_of_the_thread_that_enqueues_it(
    database: str, tmp_path: Path
) -> None:
    with workers_on("memory://", database, tmp_path, 20, BATCH_SIZE=10) as workers:
        assert workers.python("-c", APP_OF_ONE_THREAD) == "2\n"


EAGER = """
import logging, sys
import django; django.setup()
logging.basicConfig(stream=sys.stdout, level=logging.ERROR)
sys.setrecursionlimit(400)  # reached sooner than by a thousand batches
from tests.support.workers.celery_app import app
from django_notification_system.contrib.celery.tasks import fetch_receipts, hand_over_due
hand_over_due.delay(targets=["spool"])
fetch_receipts.delay()
"""


def test_eager_tasks_deliver_at_once_and_never_within_each_other(
    database: str, tmp_path: Path
) -> None:
    with workers_on("memory://", database, tmp_path, 100, BATCH_SIZE=1, IN_FLIGHT=200) as workers:
        workers.environment["CELERY_EAGER"] = "1"
        assert workers.python("-c", EAGER) == ""  # no error because they are too deep
        assert are_through(workers, 100)
        assert set(workers.deliveries().values()) == {1}
