"""A database whose migrations were not run: each command says so in one line."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections
from pytest_django import DjangoDbBlocker

from django_notification_system.delivery.runs.watch import Watch
from django_notification_system.migrations_missing import missing_migrations
from tests.settings import TEST_DATABASE
from tests.support.scratch_databases import scratch_database

ALIAS = "scratch"
COMMANDS = (
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
    ("hand_over_notifications",),
)


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


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_says_in_one_line_that_migrations_were_not_run(
    command: tuple[str, ...], empty_database: None, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"ENGINE": "django_notification_system.contrib.celery"}
    said = io.StringIO()
    with pytest.raises(CommandError) as refused:
        call_command(*command, "--database", ALIAS, stdout=said, stderr=said)
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
