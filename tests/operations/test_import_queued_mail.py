"""``import_queued_mail``: another package's waiting mail is taken over, each message once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection

from django_notification_system.management.commands import import_queued_mail as command
from django_notification_system.models import Notification
from django_notification_system.operations import import_queued_mail as module
from django_notification_system.operations.import_queued_mail import import_from
from tests.support.other_queue import QUEUE

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """A function that runs the command for the queue of groups, and returns the output."""
    monkeypatch.setattr(command, "QUEUES", (QUEUE,))

    def call(*arguments: str) -> str:
        call_command("import_queued_mail", *arguments)
        printed = capsys.readouterr()
        return printed.out + printed.err

    return call


def groups(*names: str) -> None:
    for name in names:
        Group.objects.create(name=name)


def test_waiting_messages_are_taken_over(run: Callable[..., str]) -> None:
    groups("one", "two", "nobody", "done")
    assert run("--dry-run") == "groups: would take over 3 messages.\n"
    assert run() == "groups: took over 3 messages.\n"
    rows = Notification.objects.order_by("title")
    assert [(row.title, row.priority) for row in rows] == [("one", 6), ("two", 6)]
    assert [group.name for group in Group.objects.all()] == ["done"]
    assert run() == "groups: took over 0 messages.\n"
    assert run("--verbosity", "0") == ""


def test_a_message_is_taken_over_once_though_the_other_queue_forgets(
    run: Callable[..., str],
) -> None:
    group = Group.objects.create(name="one")
    run()
    Group.objects.create(pk=group.pk, name="one")
    assert run() == "groups: took over 1 message.\n"
    assert Notification.objects.count() == 1


def test_a_message_that_cannot_be_taken_over_stays(
    run: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    groups("unreadable", "one", "broken", "impossible")
    with pytest.raises(CommandError, match="3 messages were left where they are"):
        run()
    printed = capsys.readouterr()
    assert "took over 1 message." in printed.out
    assert "groups cannot read it" in printed.err
    assert "no such file" in printed.err
    assert {group.name for group in Group.objects.all()} == {"unreadable", "broken", "impossible"}


def test_many_messages_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_SIZE", 2)
    groups("1", "2", "unreadable", "4", "5")
    counts = [imported.taken for imported in import_from(QUEUE, is_stopping=lambda: False)]
    assert counts == [2, 1, 1]
    assert list(import_from(QUEUE, is_stopping=lambda: True)) == []


def test_a_failure_leaves_both_queues_as_they_were(run: Callable[..., str]) -> None:
    groups("one")

    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("DELETE"):
            raise RuntimeError("the process ends")
        return execute(sql, *arguments)

    with connection.execute_wrapper(fail), pytest.raises(RuntimeError):
        run()
    assert Group.objects.count() == 1
    assert not Notification.objects.exists()


def test_without_the_app_the_command_says_so() -> None:
    with pytest.raises(CommandError, match=r"lacks post_office, mailer\. Keep"):
        call_command("import_queued_mail")
    with pytest.raises(CommandError, match=r"lacks mailer\. Keep"):
        call_command("import_queued_mail", "--from", "mailer")


def test_only_known_apps_are_asked() -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("import_queued_mail", "--from", "other")
