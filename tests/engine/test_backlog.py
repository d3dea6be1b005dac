"""How much is sent and not recorded: what a killed process makes others send again."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from django_notification_system.delivery.runs.backlog import Backlog
from django_notification_system.delivery.runs.run import Run
from django_notification_system.delivery.runs.to_send import SLICE_SIZE
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.base import Outcome
from django_notification_system.notification_handlers.email import MOST_TOGETHER
from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.support.handlers import freely
from tests.support.places import ROOT
from tests.support.runs import in_real_transactions, make_many, wait_until
from tests.support.workers.pool import Workers, migrated_workers

RECORD_EVERY = 5
CONNECTIONS = 2
#: What a handler that is given more than it should be needs to show it.
LONG_ENOUGH_SECONDS = 0.3


@pytest.fixture(autouse=True)
def record_every(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"RECORD_EVERY": RECORD_EVERY}


def standing_still(count: Callable[[], int]) -> int:
    """Return a count that has grown no more for a while."""
    before = -1
    while before != (before := count()):
        time.sleep(LONG_ENOUGH_SECONDS)
    return before


def unrecorded(accepted: Callable[[], int]) -> int:
    """Return how many are sent and not recorded by a run whose reader reads no further."""
    attempts = iter(Run())
    next(attempts)
    recorded = Notification.objects.filter(status=Notification.DELIVERED).count()
    wait_until(lambda: accepted() - recorded >= RECORD_EVERY)
    number = standing_still(accepted) - recorded
    assert len(list(attempts)) == Notification.objects.count() - 1
    assert set(Notification.objects.values_list("status", flat=True)) == {"DELIVERED"}
    return number


@in_real_transactions
def test_a_handler_sends_no_more_while_its_outcomes_wait_to_be_recorded(
    record: TargetUserRecord,
) -> None:
    sent: list[Notification] = []

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            sent.append(notification)
            yield Outcome.delivered(notification, "Sent.")

    freely.behave = behave
    make_many(record, 200)
    assert unrecorded(lambda: len(sent)) == RECORD_EVERY


@in_real_transactions
def test_a_handler_that_reads_all_into_a_list_sends_no_more_either(
    record: TargetUserRecord,
) -> None:
    sent: list[Notification] = []

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in list(notifications):
            sent.append(notification)
            yield Outcome.delivered(notification, "Sent.")

    freely.behave = behave
    make_many(record, 200)
    assert unrecorded(lambda: len(sent)) == RECORD_EVERY


@in_real_transactions
def test_emails_that_wait_to_be_recorded_are_bounded(
    records: dict[str, TargetUserRecord], mail_server: SmtpStandIn, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"connections": CONNECTIONS}}
    make_many(records["Email"], 200)
    number = unrecorded(lambda: len(mail_server.received))
    # All connections have so many together; a run that is not held back sends a whole slice.
    assert number <= RECORD_EVERY + MOST_TOGETHER < SLICE_SIZE - RECORD_EVERY


@in_real_transactions
def test_text_messages_that_wait_to_be_recorded_are_bounded(
    records: dict[str, TargetUserRecord], providers: ProviderStandIn, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS["twilio_sms"]["connections"] = CONNECTIONS
    make_many(records["Twilio"], 100)
    assert unrecorded(lambda: len(providers.received)) <= RECORD_EVERY + CONNECTIONS


@pytest.mark.django_db
def test_batches_of_few_do_not_add_up_within_a_transaction(
    record: TargetUserRecord, settings: Any
) -> None:
    """There the lane is the run's own thread, which must not wait for itself."""
    settings.NOTIFICATION_SYSTEM = {"RECORD_EVERY": RECORD_EVERY, "BATCH_SIZE": 7}
    waiting: list[int] = []

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        delivered = Notification.objects.filter(status=Notification.DELIVERED)
        for number, notification in enumerate(notifications, start=1):
            waiting.append(number - delivered.count())
            yield Outcome.delivered(notification, "Sent.")

    freely.behave = behave
    make_many(record, 100)
    assert len(list(Run())) == 100
    assert max(waiting) <= RECORD_EVERY


def test_a_lane_goes_on_when_fewer_wait() -> None:
    backlog = Backlog(2)
    backlog.give()
    assert not backlog.is_full
    backlog.give()
    assert backlog.is_full
    backlog.take()
    assert not backlog.keep(1)  # taken over, and not recorded
    goes_on = threading.Event()

    def wait() -> None:
        while backlog.is_full:
            backlog.wait(10)
        goes_on.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert backlog.keep(0)
    assert goes_on.wait(60)
    thread.join()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    """Workers on a database of their own, migrated and empty."""
    with migrated_workers(tmp_path) as workers:
        yield workers


def test_a_worker_whose_output_is_not_read_and_is_killed_repeats_no_more_than_is_said(
    workers: Workers,
) -> None:
    workers.python("-m", "tests.support.workers.fill", "1000")
    engine = f'{{"LEASE_SECONDS": 1, "RECORD_EVERY": {RECORD_EVERY}}}'
    blocked = subprocess.Popen(
        [sys.executable, "-m", "django", "process_notifications"],
        cwd=ROOT,
        env={**workers.environment, "WORKERS_ENGINE": engine},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pipesize=4096,
    )
    workers.running.append(blocked)
    assert blocked.stdout is not None
    # Then the pipe is full, and nobody reads the rest.
    wait_until(lambda: len(workers.deliveries()) > RECORD_EVERY)
    delivered = standing_still(lambda: len(workers.deliveries()))
    assert delivered < 1000
    blocked.kill()
    blocked.communicate()
    recorded = workers.statuses()["DELIVERED"]
    assert delivered - recorded <= RECORD_EVERY
    workers.start("--watch", "--interval", "1", RECORD_EVERY=RECORD_EVERY)
    wait_until(lambda: len(workers.deliveries()) == 1000)
    assert workers.deliveries().total() - 1000 <= RECORD_EVERY
