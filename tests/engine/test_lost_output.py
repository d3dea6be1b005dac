"""Standard output is closed, full or without a reader: delivery goes on, and it is said once."""

import fcntl
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import OutputWrapper

from django_notification_system.delivery.runs import watch
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.operations.console.forced_end import EXIT_STATUS
from django_notification_system.operations.console.outlet import Outlet
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.places import ROOT
from tests.support.runs import wait_until
from tests.support.workers.pool import ENDED_BY_FORCE, Workers, migrated_workers

NUMBER = 60
SAID = "Standard output takes nothing ({}). The work goes on without it."
#: What makes the output of a hundred blocks larger than any buffer.
BODY = "lorem ipsum " * 20


@pytest.fixture(params=["full", "closed", "without a reader"])
def lost(request: pytest.FixtureRequest) -> Iterator[tuple[Any, str]]:
    """A stream that takes nothing, and why."""
    if request.param == "full":
        # Line by line, so that closing it at the end finds nothing left to write.
        with open("/dev/full", "wb", buffering=0) as raw:
            yield io.TextIOWrapper(raw, write_through=True), "No space left on device"
    elif request.param == "closed":
        stream = io.StringIO()
        stream.close()
        yield stream, "closed"
    else:
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb", buffering=0) as raw:
            yield io.TextIOWrapper(raw, write_through=True), "Broken pipe"


@pytest.fixture
def many_due(loft: TargetUserRecord, make_due: MakeDue) -> TargetUserRecord:
    for index in range(NUMBER):
        make_due(loft, title=f"bird {index}", body=BODY)
    return loft


@pytest.mark.parametrize("options", [(), ("--format", "json")], ids=["text", "json"])
def test_delivery_goes_on_and_the_summary_counts_right(
    many_due: TargetUserRecord, lost: tuple[Any, str], options: tuple[str, ...]
) -> None:
    stream, reason = lost
    errors = io.StringIO()
    call_command("process_notifications", *options, stdout=stream, stderr=errors)
    assert set(Notification.objects.values_list("status", flat=True)) == {"DELIVERED"}
    lines = errors.getvalue().splitlines()
    assert lines.count(SAID.format(reason)) == 1
    if not options:
        assert lines[-1] == f"{NUMBER} Delivered"


@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="threads share no database in memory")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_watch_goes_on(
    many_due: TargetUserRecord,
    make_due: MakeDue,
    lost: tuple[Any, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = 0

    class TwoRounds(watch.Watch):
        def __iter__(self) -> Any:
            nonlocal rounds
            for attempt in super().__iter__():
                yield attempt
                if attempt is None:
                    rounds += 1
                    make_due(many_due, title=f"another {rounds}")
                    if rounds == 2:
                        self.stop()

    command = "django_notification_system.management.commands.process_notifications.Watch"
    monkeypatch.setattr(command, TwoRounds)
    errors = io.StringIO()
    call_command(
        "process_notifications", "--watch", "--interval", "0.01", stdout=lost[0], stderr=errors
    )
    assert rounds == 2
    assert f"{NUMBER + 1} Delivered" in errors.getvalue().splitlines()


def test_neither_stream_need_be_there(
    many_due: TargetUserRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``>&- 2>&-``: Python then has none at all."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    call_command("process_notifications")
    assert set(Notification.objects.values_list("status", flat=True)) == {"DELIVERED"}


def test_a_dry_run_ends_with_its_reader(many_due: TargetUserRecord) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    errors = io.StringIO()
    with os.fdopen(writer, "wb", buffering=0) as raw:
        stream = io.TextIOWrapper(raw, write_through=True)
        call_command("process_notifications", "--dry-run", stdout=stream, stderr=errors)
    assert errors.getvalue().splitlines() == [SAID.format("Broken pipe")]


def test_a_disk_that_has_room_again_gets_the_rest() -> None:
    class Disk(io.StringIO):
        is_full = True

        def write(self, text: str) -> int:
            if self.is_full:
                raise OSError(28, "No space left on device")
            return super().write(text)

    disk = Disk()
    told: list[str] = []
    outlet = Outlet(OutputWrapper(disk), told.append)
    outlet.write("first")
    outlet.write("second")
    disk.is_full = False
    outlet.write("third")
    assert (disk.getvalue(), told) == ("third\n", ["No space left on device"])


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    with migrated_workers(tmp_path) as workers:
        workers.python("-m", "tests.support.workers.fill", str(NUMBER))
        yield workers


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-", "| head -n 1"])
def test_the_shell_sees_a_run_that_went_well(workers: Workers, redirection: str) -> None:
    """Also when Python flushes what is left in its buffers, at the very end."""
    command = f"'{sys.executable}' -m django process_notifications {redirection}"
    finished = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT,
        env=workers.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = finished.stderr.splitlines()
    assert finished.returncode == 0, lines
    assert lines[-1] == f"{NUMBER} Delivered"
    assert len(lines) <= 2
    assert workers.statuses() == {"DELIVERED": NUMBER}


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """A pipe without room whose reader stands still: the reader's and the writer's number."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_a_reader_that_stands_still_holds_the_writer_up_until_it_reads(
    full_pipe: tuple[int, int],
) -> None:
    reader, writer = full_pipe
    text = "ü" * 5000
    with os.fdopen(os.dup(writer), "w", encoding="utf-8") as stream:
        outlet = Outlet(OutputWrapper(stream))
        asked = threading.Event()

        def stopped_at() -> None:
            asked.set()

        outlet.stopped_at = stopped_at
        writing = threading.Thread(target=outlet.write, args=(text,))
        writing.start()
        assert asked.wait(20)  # there was no room
        received = bytearray()
        while not received.endswith(b"\n"):
            received += os.read(reader, 65_536)
        writing.join(20)
    assert received.strip(b"\0").decode() == f"{text}\n"
    assert not outlet.is_gone


@pytest.mark.parametrize("options", [(), ("--watch",)], ids=["a run", "a watch"])
def test_a_process_that_nobody_reads_ends_in_order_when_it_is_told_to(
    workers: Workers, full_pipe: tuple[int, int], options: tuple[str, ...]
) -> None:
    _, writer = full_pipe
    worker = workers.start_in({}, *options, stdout=writer)
    wait_until(lambda: workers.deliveries().total() > 0)
    worker.send_signal(signal.SIGTERM)
    _, errors = worker.communicate(timeout=120)
    assert errors is not None
    assert (worker.returncode, ENDED_BY_FORCE in errors) == (0, False)
    assert SAID.format("its reader stands still") in errors
    statuses = workers.statuses()
    assert statuses.total() == NUMBER
    assert set(statuses) <= {"DELIVERED", "SCHEDULED"}
    assert statuses["DELIVERED"] == workers.deliveries().total()


@pytest.mark.parametrize("has_reader", [True, False], ids=["stands still", "is gone"])
@pytest.mark.parametrize("options", [(), ("-v3",)], ids=["the project's logging", "verbosity 3"])
def test_a_process_whose_log_nobody_reads_is_gone_within_ten_seconds(
    workers: Workers, options: tuple[str, ...], has_reader: bool
) -> None:
    """What loggers write goes past the outlet: the write hangs, and the process ends by force."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, bytes(3500))  # it is full soon after the first deliveries
    if not has_reader:
        os.close(reader)
    if has_reader:
        workers.limit(force_after=2)
    settings = "settings" if options else "settings_that_log"
    environment = {"DJANGO_SETTINGS_MODULE": f"tests.support.workers.{settings}"}
    with open(os.devnull, "wb") as nothing:
        worker = workers.start_in(
            environment, "--watch", *options, stdout=nothing.fileno(), stderr=writer
        )
    os.close(writer)
    wait_until(lambda: workers.deliveries().total() > 0)
    worker.send_signal(signal.SIGTERM)
    worker.wait(120)
    if has_reader:
        os.close(reader)
        assert worker.returncode in (0, EXIT_STATUS)
    else:
        assert worker.returncode == 0
        assert workers.statuses()["DELIVERED"] == workers.deliveries().total()
