"""The command's JSON, its closing summary, and its bar on a real terminal."""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from jsonschema import Draft202012Validator

from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support import forked
from tests.support.handlers import loft as loft_handler
from tests.support.places import ROOT
from tests.support.workers.pool import Workers

Records = dict[str, TargetUserRecord]
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "process_notifications.json").read_text())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(*arguments: str, terminal: bool = False, **options: Any) -> tuple[str, str]:
    stdout, stderr = io.StringIO(), Terminal() if terminal else io.StringIO()
    call_command("process_notifications", *arguments, stdout=stdout, stderr=stderr, **options)
    return stdout.getvalue(), re.sub(r"\x1b\[[\d;]*m", "", stderr.getvalue())


def as_json(*arguments: str, **options: Any) -> list[dict[str, Any]]:
    Draft202012Validator.check_schema(SCHEMA)
    printed, _ = run("--format", "json", *arguments, **options)
    lines = [json.loads(line) for line in printed.splitlines()]
    for line in lines:
        Draft202012Validator(SCHEMA).validate(line)
    assert [line["type"] for line in lines[:-1]] == ["notification"] * (len(lines) - 1)
    assert lines[-1]["type"] == "summary"
    return lines


def test_json_has_a_line_for_each_notification_and_one_for_all(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    sent = make_due(loft, title="hello", body="the secret body")
    retried = make_due(loft, title="retry", status="RETRY")
    make_due(loft, title="fail")
    lines = as_json()
    by_id = {line["id"]: line for line in lines[:-1]}
    first = by_id[str(sent.pk)]
    assert (first["target"], first["record"]) == ("Loft", str(loft.pk))
    assert (first["status_before"], first["status"]) == ("SCHEDULED", "DELIVERED")
    assert (first["response"], first["provider_message_id"]) == ("Cooed.", "ring-hello")
    assert by_id[str(retried.pk)]["status_before"] == "RETRY"
    assert by_id[str(retried.pk)]["retry_attempts"] == 1
    assert "secret" not in json.dumps(lines)
    statuses = {"DELIVERED": 1, "RETRY": 1, "DELIVERY FAILURE": 1}
    summary = lines[-1]
    assert (summary["statuses"], summary["not_delivered"]) == (statuses, 2)
    assert summary["targets"] == [
        {"name": "Loft", "statuses": statuses, "problem": None, "paused": None}
    ]
    assert {(each["cause"], each["notifications"]) for each in summary["causes"]} == {
        ("A hawk was about.", 1),
        ("There is no such loft.", 1),
    }


def test_json_of_nothing_is_a_summary(loft: TargetUserRecord) -> None:
    [summary] = as_json()
    assert (summary["statuses"], summary["targets"]) == ({}, [])


def test_json_at_verbosity_0_is_the_summary_alone(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft)
    [summary] = as_json(verbosity=0)
    assert summary["statuses"] == {"DELIVERED": 1}


def test_json_of_a_dry_run_touches_nothing(loft: TargetUserRecord, make_due: MakeDue) -> None:
    make_due(loft)
    notification, summary = as_json("--dry-run")
    assert notification["status"] == "SCHEDULED"
    assert summary["dry_run"]
    assert Notification.objects.due().count() == 1


def test_json_tells_what_keeps_a_target_from_being_used(
    loft: TargetUserRecord, records: Records, make_due: MakeDue
) -> None:
    make_due(loft, title="close")
    make_due(records["Email"])
    NotificationTarget.objects.filter(name="Email").update(
        paused_until=timezone.now() + timedelta(minutes=5), pause_reason="down"
    )
    told = {each["name"]: each for each in as_json()[-1]["targets"]}
    assert told["Loft"]["problem"] == "The loft is closed."
    assert told["Loft"]["statuses"] == {"SCHEDULED": 1}
    assert "(down)" in told["Email"]["paused"]
    assert told["Email"]["statuses"] == {}


@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="threads share no database in memory")
def test_json_of_a_watch_tells_what_keeps_a_target_from_being_used(
    loft: TargetUserRecord, records: Records, make_due: MakeDue
) -> None:
    make_due(loft, title="close")
    make_due(records["Email"])
    NotificationTarget.objects.filter(name="Email").update(
        paused_until=timezone.now() + timedelta(minutes=5), pause_reason="down"
    )
    loft_handler.watchers.append(lambda _: os.kill(os.getpid(), signal.SIGTERM))
    told = {each["name"]: each for each in as_json("--watch")[-1]["targets"]}
    assert set(told) == {"Loft", "Email"}
    assert (told["Loft"]["problem"], told["Loft"]["paused"]) == ("The loft is closed.", None)
    assert (told["Email"]["problem"], "(down)" in told["Email"]["paused"]) == (None, True)


def test_json_goes_with_fail_on_error(loft: TargetUserRecord, make_due: MakeDue) -> None:
    make_due(loft, title="fail")
    with pytest.raises(CommandError, match="1 notification was not delivered"):
        run("--format", "json", "--fail-on-error")


def fill(loft: TargetUserRecord, records: Records, make_due: MakeDue, make_user: Any) -> None:
    for title in ("hello", "again", "retry 1", "retry 2", "fail", "gone"):
        make_due(loft, title=title, scheduled_delivery=timezone.now() - timedelta(minutes=2))
    other = make_user("ham")
    NotificationOptOut.objects.bulk_create([NotificationOptOut(user=other, active=True)])
    record = TargetUserRecord.objects.create(
        user=other, target=loft.target, target_user_id="south", description="Ham's"
    )
    make_due(record, title="unwanted")
    make_due(records["Email"])
    NotificationTarget.objects.filter(name="Email").update(
        paused_until=timezone.now() + timedelta(minutes=5), pause_reason="down"
    )


@pytest.fixture
def filled(
    loft: TargetUserRecord, records: Records, make_due: MakeDue, django_user_model: Any
) -> None:
    fill(loft, records, make_due, django_user_model.objects.create_user)


TABLE = [
    "Target  Delivered  Delivery Failure  Inactive Device  Opted Out  Retry",
    "Email           0                 0                0          0      0  paused",
    "Loft            2                 1                1          1      2",
]


def test_on_a_terminal_each_target_is_summed_up_with_its_errors(filled: None) -> None:
    _, errors = run(terminal=True)
    lines = errors.splitlines()
    assert sum(line in TABLE for line in lines) == 3
    start = lines.index("Why they were not delivered")
    assert lines[start + 1] == "2  Loft  A hawk was about."
    assert len(lines[start + 1 :]) == 4


def test_what_is_piped_has_the_closing_line_alone_unless_more_is_asked_for(filled: None) -> None:
    _, errors = run("--target", "Loft")
    assert len(errors.splitlines()) == 1
    assert TABLE[2] not in errors
    Notification.objects.filter(title="hello").update(status="SCHEDULED")
    TargetUserRecord.objects.update(active=True)
    assert "Target  Delivered\nLoft            1\n" in run("--target", "Loft", verbosity=2)[1]


def on_terminal(workers: Workers, *arguments: str) -> tuple[str, str]:
    """Run the command with standard error on a terminal; return what both streams got."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    with subprocess.Popen(
        [sys.executable, "-m", "django", "process_notifications", *arguments],
        cwd=ROOT,
        env={**workers.environment, "WORKERS_DELAY": "0.02", "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        seen = b""
        with suppress(OSError):  # the terminal is closed
            while chunk := os.read(ours, 4096):
                seen += chunk
        assert process.stdout is not None
        printed = process.stdout.read()
    os.close(ours)
    assert process.returncode == 0, seen
    return printed, seen.decode()


def run_forked(workers: Workers, *arguments: str) -> None:
    done = forked.run(arguments, folder=ROOT, environment=workers.environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="the terminal is the same for every database")
def test_a_long_run_shows_a_bar_on_a_real_terminal(tmp_path: Path) -> None:
    workers = Workers(tmp_path, str(tmp_path / "workers.sqlite3"))
    run_forked(workers, "-m", "django", "migrate", "-v0")
    run_forked(workers, "-m", "tests.support.workers.fill", "120")
    printed, seen = on_terminal(workers)
    assert printed.count("Spooled.") == 120
    shown = re.findall(r"(\d+)/120 \[\d\d:\d\d<\d\d:\d\d,\s+[\d.]+ notifications/s\]", seen)
    assert len(shown) > 3
    assert [int(number) for number in shown] == sorted(map(int, shown))
    assert "\r\n120 Delivered\r\n" in seen  # and not in red, as Django would have it
    assert re.search(r"Spool +120\r\n", seen)
    # A short one needs none, and neither does one that nobody looks on at.
    run_forked(workers, "-m", "tests.support.workers.fill", "5")
    assert "/5 [" not in on_terminal(workers)[1]
    run_forked(workers, "-m", "tests.support.workers.fill", "60")
    assert on_terminal(workers, "-v0")[1] == ""
