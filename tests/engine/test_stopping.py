"""Whatever hangs, a process that is told to stop ends within ten seconds; the rest is free."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from django_notification_system import stop_moment
from django_notification_system.delivery.handlers.in_time import in_time
from django_notification_system.delivery.handlers.on_its_way import (
    Released,
    begin_sending,
    release_unsent,
)
from django_notification_system.delivery.runs import run as run_module
from django_notification_system.delivery.runs.run import Run
from django_notification_system.delivery.runs.wakeup import Wakeup
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.operations.console import forced_end
from django_notification_system.operations.console.stopping import stopped_by_signals
from tests.conftest import MakeDue
from tests.support.handlers import slow
from tests.support.mail_backends import use_backend
from tests.support.raw_server import RawServer, at, wait
from tests.support.runs import in_real_transactions, states, wait_until
from tests.support.watching import watching_run
from tests.support.workers.pool import Workers, migrated_workers

CONNECTIONS = 2
#: Of the mail server's connections: whoever waited for the server would wait for so long.
TIMEOUT_SECONDS = 25
LONGEST_STOP_SECONDS = 10
#: The least time from the end of the messages in flight to the end by force: for recording.
RECORDING_SECONDS = 2


def run_stopped_when(happened: Any) -> Run:
    """Return a run that is told to stop as soon as something has happened."""
    run: Run

    def look() -> bool:
        if happened():
            run.stop()
        return False

    run = watching_run(look)
    return run


@in_real_transactions
@pytest.mark.parametrize(
    ("command", "attempted"),
    [("CONNECT", 0), ("RCPT", 0), ("MESSAGE", CONNECTIONS)],
    ids=["no greeting", "no answer", "the message on the wire"],
)
def test_a_mail_server_that_stalls_keeps_only_what_is_on_the_wire(
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    attempted: int,
) -> None:
    monkeypatch.setattr(run_module, "WIND_UP_SECONDS", 0.3)
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"connections": CONNECTIONS}}
    stalled: list[Any] = []

    def stall(connection: Any) -> None:
        stalled.append(connection)
        wait(connection)

    for index in range(5):
        make_due(email, title=f"mail {index}")
    with RawServer(at(command, stall)) as server:
        use_backend(settings, host=server.host, port=server.port, timeout=TIMEOUT_SECONDS)
        began = time.monotonic()
        list(run_stopped_when(lambda: len(stalled) == CONNECTIONS))
        assert time.monotonic() - began < TIMEOUT_SECONDS
    counts = Notification.objects.values_list("status", "retry_attempts", "claim_token")
    assert sorted(counts) == sorted(
        [("RETRY", 1, None)] * attempted + [("SCHEDULED", 0, None)] * (5 - attempted)
    )


@in_real_transactions
def test_a_handler_that_hangs_is_left_behind_and_the_rest_released(
    loft: TargetUserRecord, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "WIND_UP_SECONDS", 0.2)
    slow.begun.clear()
    slow.may_end.clear()
    target = NotificationTarget.objects.create(name="Slow", notification_module_name="slow")
    record = TargetUserRecord.objects.create(user=loft.user, target=target, target_user_id="garden")
    for index in range(3):
        make_due(record, title=f"number {index}")
    reported = [attempt.notification.status for attempt in run_stopped_when(slow.begun.is_set)]
    assert not slow.may_end.is_set()
    slow.may_end.set()
    assert reported == ["RETRY"]
    assert states(record) == {("RETRY", 1, None), ("SCHEDULED", 0, None)}


def test_who_has_given_a_notification_back_and_who_sends_it_agree() -> None:
    released, sent, unsaid = Notification(), Notification(), Notification()
    begin_sending(sent)
    assert release_unsent([released, sent], says_so=True) == [sent]
    with pytest.raises(Released):
        begin_sending(released)
    assert release_unsent([unsaid], says_so=True) == []
    assert release_unsent([unsaid], says_so=False) == [unsaid]


def test_what_hangs_in_the_end_is_left_behind() -> None:
    may_end = threading.Event()
    told: list[float] = []

    def source() -> Iterator[int]:
        yield 1
        told.append(time.monotonic() - stop_moment.WIND_UP_SECONDS + 0.1)
        may_end.wait(20)
        yield 2

    with stop_moment.stopped_at(lambda: told[0] if told else None):
        assert list(in_time(source)) == [1]
    may_end.set()


def test_what_the_source_raises_comes_after_what_it_yielded() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise LookupError

    read: list[int] = []

    def consume() -> None:
        with stop_moment.stopped_at(lambda: None):
            read.extend(in_time(source))

    with pytest.raises(LookupError):
        consume()
    assert read == [1]


def test_a_signal_after_the_end_writes_to_no_file_of_somebody_else() -> None:
    """A storm of them comes while the process ends."""
    wakeup = Wakeup("default")
    wakeup.close()
    reader, writer = os.pipe()  # these have the numbers that the other two had
    try:
        wakeup.wake()
        os.set_blocking(reader, False)
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)
    finally:
        os.close(reader)
        os.close(writer)


@pytest.fixture(autouse=True)
def hangups_are_heard() -> Iterator[None]:
    """Hear SIGHUP, though whoever runs the tests ignores it, as ``nohup`` does."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_each_signal_ends_the_work_in_order(name: str) -> None:
    told: list[bool] = []
    before = signal.getsignal(signal.Signals[name])
    with stopped_by_signals(lambda: told.append(True)):
        signal.raise_signal(signal.Signals[name])
        assert stop_moment.stop_moment() is not None
    assert told == [True]
    assert signal.getsignal(signal.Signals[name]) is before


def test_a_storm_of_signals_is_heeded_once() -> None:
    """A lock that the first has taken, that of an event say, the second would wait for for ever."""
    lock = threading.Lock()

    def stop() -> None:
        assert lock.acquire(timeout=1)
        signal.raise_signal(signal.SIGTERM)
        lock.release()

    with stopped_by_signals(stop):
        signal.raise_signal(signal.SIGTERM)


def test_what_hangs_after_a_signal_is_ended_by_force() -> None:
    """Also after the work, and where nobody reads standard error."""
    program = """
import signal, threading
from django.conf import settings
settings.configure(USE_I18N=False)
from django_notification_system.operations.console import forced_end
from django_notification_system.operations.console.stopping import stopped_by_signals
forced_end.FORCE_AFTER_SECONDS = 0.1
with stopped_by_signals(lambda: None, owns_process=True):
    pass
with stopped_by_signals(lambda: None, owns_process=True):
    signal.raise_signal(signal.SIGTERM)
threading.Event().wait()
"""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    try:
        ended = subprocess.run([sys.executable, "-c", program], stderr=writer, timeout=120)
    finally:
        os.close(reader)
        os.close(writer)
    assert ended.returncode == 1


def test_what_nohup_lets_a_process_ignore_stays_ignored() -> None:
    told: list[bool] = []
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals(lambda: told.append(True)):
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert told == []


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    with migrated_workers(tmp_path) as workers:
        yield workers


def test_a_process_ends_by_force_within_ten_seconds_and_has_time_to_record_before() -> None:
    """Whatever a process does after its stop, it does in between."""
    force_after, line = forced_end.FORCE_AFTER_SECONDS, forced_end.LAST_LINE_SECONDS
    assert force_after + line < LONGEST_STOP_SECONDS
    assert force_after > stop_moment.WIND_UP_SECONDS + RECORDING_SECONDS


@pytest.mark.parametrize(
    ("options", "number"), [((), signal.SIGTERM), (("--watch",), signal.SIGHUP)]
)
def test_a_process_whose_handler_hangs_ends_within_ten_seconds(
    workers: Workers, options: tuple[str, ...], number: signal.Signals
) -> None:
    """In order: it is not ended by force, which would come within ten seconds."""
    workers.limit(wind_up=1)  # so that a busy machine has eight seconds to record in
    workers.python("-m", "tests.support.workers.fill", "20")
    worker = workers.start(*options, delay=60)
    wait_until(lambda: workers.deliveries().total() == 1)
    for _ in range(5):
        worker.send_signal(number)
    _, errors = worker.communicate(timeout=120)
    assert (worker.returncode, errors) == (0, "")
    assert workers.statuses() == {"RETRY": 1, "SCHEDULED": 19}
