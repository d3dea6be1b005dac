"""At verbosity 0 the commands say nothing but what keeps a whole target from working."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import checks
from django.core.checks.registry import registry
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError

from django_notification_system.management.commands import import_queued_mail
from django_notification_system.models import TargetUserRecord
from tests.conftest import MakeDue
from tests.support.other_queue import QUEUE
from tests.support.own_commands import own_commands

pytestmark = pytest.mark.django_db

APP = "django_notification_system"
URL = "https://hooks.example.com/eggs"
SEND_TEST = ("send_test_notification", "--target", "Loft", "--to", "north tower")
#: ``FILE`` stands for a file with this content.
FILES = {
    "preferences": "user,target,state\negg,loft,no\n",
    "suppressions": "address\nann@example.com\n",
}
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("add_target", "webhook"),
    ("create_email_target_user_records",),
    ("erase_notification_data", "egg"),
    ("export_notification_data", "egg", "--output", os.devnull),
    ("hand_over_notifications",),
    ("import_queued_mail",),
    ("notification_status", "--max-age", "15m"),
    ("preferences", "export", os.devnull),
    ("preferences", "import", "FILE"),
    ("process_notifications",),
    ("purge_devices", "--older-than", "60d"),
    ("purge_notifications", "--older-than", "90d"),
    SEND_TEST,
    ("suppressions", "export", os.devnull),
    ("suppressions", "import", "FILE"),
    ("webhook_secret", "retire", URL),
)
#: What these make is their output, at any verbosity; by the number of lines.
OUTPUT: dict[tuple[str, ...], int] = {
    ("make_vapid_keys",): 2,
    ("webhook_secret", "make", "https://hooks.example.com/ham", "--user", "egg"): 1,
    ("webhook_secret", "rotate", URL): 1,
}
#: Needs the table of another package: tests/contrib/test_inbox_import.py.
ELSEWHERE = {"import_django_notifications"}


@contextmanager
def terminal_log(*handlers: logging.Handler) -> Iterator[None]:
    """Let the root logger have these handlers alone, from ``INFO`` on; by default none, as Django
    leaves it."""
    root = logging.getLogger()
    before, level = root.handlers, root.level
    root.handlers = list(handlers)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.handlers = before
        root.setLevel(level)


@pytest.fixture
def found() -> Iterator[list[Any]]:
    """What a check of another app finds."""
    messages: list[Any] = [checks.Warning("Mind the gap.", id="other.W001")]

    def check(app_configs: Any, **kwargs: Any) -> list[Any]:
        return messages

    checks.register(check)
    yield messages
    registry.registered_checks.discard(check)


def said(name: str, *arguments: str, **options: Any) -> str:
    """Return what a command writes to its own streams."""
    stream = io.StringIO()
    call_command(name, *arguments, stdout=stream, stderr=stream, **options)
    return stream.getvalue()


def test_each_command_is_tried() -> None:
    tried = {name for name, *_ in (*COMMANDS, *OUTPUT)}
    assert tried | ELSEWHERE == own_commands()


@pytest.fixture
def receiver(loft: TargetUserRecord) -> None:
    """Eggs Benedict's record of a webhook's receiver."""
    said("add_target", "webhook")
    said("webhook_secret", "make", URL, "--user", "egg")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_with_nothing_to_complain_of_says_nothing(
    command: tuple[str, ...], loft: TargetUserRecord, make_due: MakeDue, found: list[Any],
    settings: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path, request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    name, *arguments = command
    settings.NOTIFICATION_SYSTEM = {"ENGINE": "tests.support.handlers.engine"}
    user = loft.user
    user.email = "no address"
    user.save()
    if name not in ("notification_status", "hand_over_notifications"):
        make_due(loft)
    if name == "import_queued_mail":
        monkeypatch.setattr(import_queued_mail, "QUEUES", (QUEUE,))
        Group.objects.create(name="A mail that waits")
    if name == "webhook_secret":
        request.getfixturevalue("receiver")
    if "FILE" in arguments:
        file = tmp_path / "rows.csv"
        file.write_text(FILES[name])
        arguments[arguments.index("FILE")] = str(file)
    capfd.readouterr()
    options = {} if name == "send_test_notification" else {"skip_checks": False}
    assert said(name, *arguments, verbosity=0, **options) == ""
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("command", "lines"), OUTPUT.items(), ids=str)
def test_a_command_that_makes_a_secret_says_nothing_else(
    command: tuple[str, ...], lines: int, receiver: None, found: list[Any],
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    output, errors = io.StringIO(), io.StringIO()
    # make_vapid_keys has no checks: they say that there is no key.
    options = {} if command == ("make_vapid_keys",) else {"skip_checks": False}
    call_command(*command, verbosity=0, stdout=output, stderr=errors, **options)
    assert len(output.getvalue().splitlines()) == lines
    assert errors.getvalue() == ""
    assert capfd.readouterr() == ("", "")


def test_a_warning_of_a_check_is_said_to_a_person(loft: TargetUserRecord, found: list[Any]) -> None:
    assert "Mind the gap." in said("process_notifications", verbosity=1, skip_checks=False)


def test_an_error_of_a_check_ends_a_quiet_command(found: list[Any]) -> None:
    found[:] = [checks.Error("The bridge is gone.", id="other.E001")]
    with pytest.raises(SystemCheckError, match="The bridge is gone"):
        said("process_notifications", verbosity=0, skip_checks=False)


def test_what_a_project_logs_to_its_terminal_is_quiet_too(
    loft: TargetUserRecord, make_due: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, terminal = logging.StreamHandler(io.StringIO()), logging.StreamHandler(sys.stderr)
    for title in ("hello", "retry", "fail"):
        make_due(loft, title=title)
    with terminal_log(terminal, kept):
        assert said("process_notifications", verbosity=0) == ""
    assert capsys.readouterr().err == ""
    (line,) = kept.stream.getvalue().splitlines()
    assert line.startswith("Loft: notification ")
    assert line.endswith(": failed.")

    make_due(loft, title="fail again")
    with terminal_log(terminal):
        said("process_notifications", verbosity=1)
    assert ": failed." in capsys.readouterr().err
    assert not terminal.filters

    make_due(loft, title="close")
    with terminal_log(terminal):
        assert said("process_notifications", verbosity=0) == "The loft is closed.\n"


def test_what_concerns_more_than_one_notification_is_said(
    loft: TargetUserRecord, make_due: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    make_due(loft, title="raise")
    with terminal_log():
        assert said("process_notifications", verbosity=0) == ""
    assert "RuntimeError: the loft is on fire" in capsys.readouterr().err


def test_without_settings_for_logs_nothing_is_said_twice(
    loft: TargetUserRecord, make_due: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    make_due(loft, title="fail")
    with terminal_log():
        assert "There is no such loft." in said("process_notifications", verbosity=1)
    assert capsys.readouterr().err == ""


def test_what_is_asked_of_the_apps_own_logger_is_written(
    loft: TargetUserRecord, make_due: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger(APP)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    make_due(loft)
    try:
        with terminal_log():
            said("process_notifications", verbosity=0)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert ": delivered." in capsys.readouterr().err


def test_a_test_message_that_does_not_go_out_is_said(loft: TargetUserRecord) -> None:
    with pytest.raises(CommandError):
        said(*SEND_TEST, "--title", "fail", verbosity=0)
