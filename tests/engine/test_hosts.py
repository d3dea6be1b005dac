"""Several hosts on one database, each with ``--watch``: nobody waits behind a million emails."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.settings import TEST_DATABASE
from tests.support.workers.pool import Workers, migrated_workers

pytestmark = pytest.mark.skipif(
    TEST_DATABASE == "sqlite", reason="SQLite's file is on one host, and has one writer at a time"
)

HOSTS = 2
EMAILS = 2_000
EMAIL_SECONDS = 0.005
#: How many emails may go out before what overtakes them: what is claimed already, and what is sent
#: until the hosts look, which is every half second where the database tells of no insert.
MOST_BEFORE = 600


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    with migrated_workers(tmp_path) as workers:
        yield workers


def wait_for(workers: Workers, number: int) -> None:
    deadline = time.monotonic() + 120
    while len(workers.deliveries()) < number and time.monotonic() < deadline:
        time.sleep(0.05)


def test_many_emails_do_not_hold_up_a_push_nor_an_urgent_email(workers: Workers) -> None:
    workers.python("-m", "tests.support.workers.fill", str(EMAILS))
    watch = ("--watch", "--interval", "5")
    hosts = [workers.start(*watch, delay=EMAIL_SECONDS, BATCH_SIZE=50) for _ in range(HOSTS)]
    wait_for(workers, 50)
    before, push, urgent = json.loads(workers.python("-m", "tests.support.workers.urgent"))
    wait_for(workers, EMAILS + 2)
    for host in hosts:
        host.send_signal(signal.SIGTERM)
    for host in hosts:
        _, errors = host.communicate(timeout=120)
        assert (host.returncode, errors) == (0, "")
    deliveries = workers.deliveries()
    order = list(deliveries)
    assert before < EMAILS - MOST_BEFORE, "too few emails were left for this to say anything"
    assert order.index(push) - before < MOST_BEFORE
    assert order.index(urgent) - before < MOST_BEFORE
    assert set(deliveries.values()) == {1}
    assert workers.statuses() == {"DELIVERED": EMAILS + 2}
