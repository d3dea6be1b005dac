"""Asking providers what became of messages: by the command, and beside deliveries."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from django_notification_system.delivery.receipts.fetch import fetch_receipts
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.base import (
    Receipt,
    TargetUnavailable,
)
from tests.conftest import MakeDue
from tests.support.documentation import process
from tests.support.fetched_receipts import confirmed, only, perched, roost
from tests.support.handlers import roost as handler

__all__ = ["roost"]

pytestmark = pytest.mark.django_db


# --- The command ----------------------------------------------------------------------------


def test_the_command_says_on_standard_error_what_it_heard(
    roost: TargetUserRecord, make_due: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    make_due(roost, title="new")
    perched(roost, 20, "ring-1", "ring-2")
    handler.answers.append(lambda names: confirmed(names[:1]))

    call_command("process_notifications")

    printed = capsys.readouterr()
    assert printed.out.count("*" * 33) == 1
    assert "eceipt" not in printed.out
    assert printed.err == "1 Delivered\nReceipts: 1 confirmed, 0 failed.\n"


def test_nothing_is_said_where_nothing_was_heard(
    roost: TargetUserRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    perched(roost, 20, "ring-1")
    call_command("process_notifications")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_verbosity_2_says_how_many_are_awaited(roost: TargetUserRecord) -> None:
    perched(roost, 20, "ring-1")
    said = process("--verbosity=2", "--target=Roost")
    assert said.endswith("Nothing is due.\nReceipts: 0 confirmed, 0 failed, 1 awaited.\n")


def test_the_command_says_how_many_receipts_were_given_up(
    roost: TargetUserRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    perched(roost, 24 * 60 - 1, "ring-1")
    perched(roost, 24 * 60 + 1, "ring-2", "ring-3")
    assert process() == "Receipts: 0 confirmed, 0 failed, 3 given up.\n"
    perched(roost, 24 * 60 + 1, "ring-4")
    call_command("process_notifications", "--receipts-only", "--format", "json")
    assert json.loads(capsys.readouterr().out)["receipts"]["given_up"] == 1


def test_verbosity_0_says_nothing_of_it(roost: TargetUserRecord) -> None:
    perched(roost, 20, "ring-1")
    handler.answers.append(confirmed)
    assert process("--verbosity=0") == ""
    assert only().provider_status == "ok"


def test_json_has_what_it_heard_in_the_summary(
    roost: TargetUserRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    perched(roost, 20, "ring-1")
    handler.answers.append(confirmed)
    call_command("process_notifications", "--receipts-only", "--format", "json")
    printed = capsys.readouterr()
    heard = {"confirmed": 1, "failed": 0, "awaited": 0, "given_up": 0, "problems": {}}
    assert json.loads(printed.out)["receipts"] == heard
    assert printed.err == ""


def test_receipts_only_delivers_nothing(roost: TargetUserRecord, make_due: MakeDue) -> None:
    due = make_due(roost, title="new")
    perched(roost, 20, "ring-1")
    handler.answers.append(confirmed)
    assert process("--receipts-only") == "Receipts: 1 confirmed, 0 failed.\n"
    due.refresh_from_db()
    assert due.status == "SCHEDULED"


def test_the_target_restricts_it(roost: TargetUserRecord) -> None:
    perched(roost, 20, "ring-1")
    assert process("--target", "Email") == ""
    assert process("--receipts-only", "--target", "Email") == ""
    assert handler.asked == []
    process("--receipts-only", "--target", "roost")
    assert handler.asked == [["ring-1"]]


def test_a_dry_run_asks_nobody(roost: TargetUserRecord) -> None:
    perched(roost, 20, "ring-1")
    process("--dry-run")
    assert handler.asked == []


@pytest.mark.parametrize("option", ["--dry-run", "--watch", "--limit=3"])
def test_receipts_only_goes_with_few_options(option: str, db: None) -> None:
    with pytest.raises(CommandError, match="--receipts-only goes with"):
        call_command("process_notifications", "--receipts-only", option)


def test_a_provider_that_is_down_is_reported_once(
    roost: TargetUserRecord, make_due: MakeDue
) -> None:
    def fail(names: list[str]) -> Iterator[Receipt]:
        raise TargetUnavailable("The roost is being mended.")

    perched(roost, 20, "ring-1")
    handler.answers.append(fail)
    assert process() == "The roost is being mended.\n"
    assert process("--receipts-only") == "The roost is being mended.\n"
    with pytest.raises(CommandError, match="Receipts could not be fetched"):
        call_command("process_notifications", "--fail-on-error")


@pytest.mark.skipif(connection.vendor == "sqlite", reason="threads share no database in memory")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_watching_fetches_receipts_beside_the_deliveries(
    roost: TargetUserRecord, make_due: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    """A provider that does not answer holds up no message."""
    has_delivered = threading.Event()

    def answer_late(names: list[str]) -> Iterator[Receipt]:
        assert has_delivered.wait(timeout=20)
        return confirmed(names)

    def watch_the_watch() -> None:
        try:
            wait_for(Notification.objects.filter(title="new", status="DELIVERED"))
            has_delivered.set()
            wait_for(Notification.objects.filter(title="ring-1", provider_status="ok"))
        finally:
            connection.close()
            has_delivered.set()
            os.kill(os.getpid(), signal.SIGTERM)

    perched(roost, 20, "ring-1")
    handler.answers.append(answer_late)
    watcher = threading.Thread(target=watch_the_watch)
    make_later = threading.Timer(0.5, make_new, args=(make_due, roost))
    watcher.start()
    make_later.start()

    call_command("process_notifications", "--watch", "--interval", "0.2")

    watcher.join()
    make_later.join()
    assert handler.asked == [["ring-1"]]
    assert capsys.readouterr().err == "1 Delivered\nReceipts: 1 confirmed, 0 failed.\n"


def make_new(make_due: MakeDue, record: TargetUserRecord) -> None:
    make_due(record, title="new")
    connection.close()


def wait_for(rows: Any) -> None:
    give_up_at = time.monotonic() + 20
    while not rows.exists():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


@pytest.mark.parametrize(("minutes", "is_asked"), [(5, False), (-5, True), (60 * 48, True)])
def test_a_target_that_a_run_has_paused_is_not_asked(
    roost: TargetUserRecord, minutes: int, is_asked: bool
) -> None:
    """The provider forgets receipts while a person's pause lasts."""
    perched(roost, 20, "sent")
    targets = list(NotificationTarget.objects.all())
    NotificationTarget.objects.filter(pk=roost.target_id).update(
        paused_until=timezone.now() + timedelta(minutes=minutes)
    )
    fetch_receipts(targets, using="default")
    assert bool(handler.asked) is is_asked
