"""A database whose migrations were not run: each command says so in one line."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections
from pytest_django import DjangoDbBlocker

from django_notification_system.delivery.runs.watch import Watch
from django_notification_system.management.commands import import_queued_mail
from django_notification_system.migrations_missing import missing_migrations
from django_notification_system.operations.import_queued_mail import OtherQueue
from tests.settings import TEST_DATABASE
from tests.support.other_queue import QUEUE
from tests.support.own_commands import own_commands
from tests.support.scratch_databases import scratch_database

ALIAS = "scratch"
URL = "https://hooks.example.com/eggs"
COMMANDS = (
    ("add_target", "webhook"),
    ("process_notifications",),
    ("process_notifications", "--dry-run"),
    ("process_notifications", "--receipts-only"),
    ("notification_status",),
    ("notification_status", "--format", "json"),
    ("notification_status", "--max-age", "15m"),
    ("purge_devices", "--older-than", "60d"),
    ("purge_notifications", "--older-than", "90d"),
    ("send_test_notification", "--target", "Email", "--to", "eggs@example.com"),
    ("create_email_target_user_records",),
    ("erase_notification_data", "egg"),
    ("export_notification_data", "egg", "--output", os.devnull),
    ("hand_over_notifications",),
    ("import_queued_mail",),
    ("preferences", "export", os.devnull),
    ("preferences", "import", "FILE"),
    ("suppressions", "export", os.devnull),
    ("suppressions", "import", "FILE"),
    ("webhook_secret", "make", URL, "--user", "egg"),
    ("webhook_secret", "rotate", URL),
    ("webhook_secret", "retire", URL),
)
FILES = {
    "preferences": "user,target,state\negg,email,no\n",
    "suppressions": "address\nann@example.com\n",
}
#: The first uses no database; the second says that another package's table is not there.
OTHERS = {"make_vapid_keys", "import_django_notifications"}


class QueueBeside(OtherQueue):
    """Another package's queue in the same database, whose migrations were not run either."""

    def rows(self) -> Any:
        return super().rows().using(ALIAS)


@pytest.fixture(scope="module")
def empty_database(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """A database under an alias of its own, without a single table."""
    with scratch_database(TEST_DATABASE, tmp_path_factory.mktemp("scratch")) as settings:
        configured = connections.configure_settings({"default": {}, ALIAS: settings})
        connections.databases[ALIAS] = configured[ALIAS]
        with django_db_blocker.unblock():
            yield
            connections[ALIAS].close()
        del connections[ALIAS]
        del connections.databases[ALIAS]


def test_each_command_is_tried() -> None:
    assert {name for name, *_ in COMMANDS} | OTHERS == own_commands()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_says_in_one_line_that_migrations_were_not_run(
    command: tuple[str, ...],
    empty_database: None,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    settings.NOTIFICATION_SYSTEM = {"ENGINE": "django_notification_system.contrib.celery"}
    monkeypatch.setattr(import_queued_mail, "QUEUES", (QueueBeside(**vars(QUEUE)),))
    name, *arguments = command
    if "FILE" in arguments:
        file = tmp_path / "rows.csv"
        file.write_text(FILES[name])
        arguments[arguments.index("FILE")] = str(file)
    said = io.StringIO()
    with pytest.raises(CommandError) as refused:
        call_command(name, *arguments, "--database", ALIAS, stdout=said, stderr=said)
    line = str(refused.value)
    assert line.startswith("The database 'scratch' lacks ")
    assert line.endswith(" migrations. Run: python manage.py migrate --database scratch")
    assert "\n" not in line
    assert "Traceback" not in said.getvalue()


def test_a_watch_says_it_once_and_waits(
    empty_database: None, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch(using=ALIAS, interval=0.01, on_problem=pytest.fail)
    attempts = iter(watch)
    assert [next(attempts) for _ in range(3)] == [None] * 3
    watch.stop()
    assert list(attempts) == []
    [record] = caplog.records
    assert "Run: python manage.py migrate --database scratch" in record.getMessage()
    assert record.exc_info is None


@pytest.mark.django_db
def test_an_error_of_a_database_with_all_its_migrations_is_another() -> None:
    assert missing_migrations(DatabaseError("no"), using="default") == ""
    assert missing_migrations(ValueError("no"), using="default") == ""
    assert missing_migrations(None, using="default") == ""
