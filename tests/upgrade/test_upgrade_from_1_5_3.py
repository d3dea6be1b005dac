"""A project on the real release 1.5.3 upgrades and loses nothing.

The tests run on SQLite and PostgreSQL; on MariaDB release 1.5.3 cannot make its tables.
"""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.settings import TEST_DATABASE
from tests.support import forked
from tests.support.places import ROOT, TESTS
from tests.support.scratch_databases import copied_database, scratch_database
from tests.support.subprocesses import environment_of, run_python
from tests.upgrade.release_1_5_3 import release_python
from tests.upgrade.rows import Row, Rows, read_rows

PROJECT = TESTS / "upgrade" / "project"
APP = "django_notification_system"
NOTIFICATIONS = "notification_system_notification"
#: What a delivery may change besides the columns that 1.5.3 does not have.
CHANGED_BY_DELIVERY = {"status", "attempted_delivery", "modified_date"}

pytestmark = pytest.mark.skipif(
    TEST_DATABASE == "mariadb", reason="release 1.5.3 cannot make its tables on MariaDB"
)


@dataclass(frozen=True)
class StandIns:
    """What stands in for the providers, on real sockets."""

    mail: SmtpStandIn
    providers: ProviderStandIn

    def received(self) -> Counter[str]:
        """Return how many messages each recipient got."""
        return Counter(
            [mail["To"] for mail in self.mail.received]
            + [message.to for message in self.providers.received]
        )


@dataclass(frozen=True)
class Project:
    """One project's database, and the two interpreters that it meets."""

    database: dict[str, Any]
    release: Path

    def with_release(self, *arguments: str) -> str:
        """Run Python with release 1.5.3, which keeps what it compiles for the next run."""
        return _output(
            run_python(
                *arguments,
                folder=PROJECT,
                environment={**self._settings(), "PYTHONDONTWRITEBYTECODE": ""},
                python=self.release,
            )
        )

    def with_ours(self, *arguments: str, **environment: str) -> str:
        """Run Python with this release."""
        return _output(
            forked.run(
                arguments,
                folder=PROJECT,
                environment=environment_of(
                    {**self._settings(), "PYTHONPATH": str(ROOT), **environment}
                ),
            )
        )

    def migrate(self, *arguments: str) -> str:
        """Run ``migrate`` with this release."""
        return self.with_ours("-m", "django", "migrate", *arguments)

    def process_notifications(self, stand_ins: StandIns, *arguments: str) -> str:
        """Deliver what is due with this release, and return the blocks."""
        return self.with_ours(
            "-m",
            "django",
            "process_notifications",
            *arguments,
            UPGRADE_MAIL_PORT=str(stand_ins.mail.port),
            UPGRADE_PROVIDERS_URL=stand_ins.providers.url,
        )

    def rows(self) -> Rows:
        """Return all that is in the database."""
        return read_rows(self.database)

    def _settings(self) -> dict[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "upgrade_settings",
            "UPGRADE_DATABASE": json.dumps(self.database),
        }


def _output(process: "subprocess.CompletedProcess[str]") -> str:
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def filled(
    downloads: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A project whose tables release 1.5.3 has made and filled; tests change copies."""
    release = release_python(downloads("release-1.5.3"))
    with scratch_database(TEST_DATABASE, tmp_path_factory.mktemp("filled")) as database:
        project = Project(database, release)
        project.with_release("-m", "django", "migrate", "--verbosity", "0")
        project.with_release("fill.py")
        yield project


@pytest.fixture(scope="module")
def migrated(filled: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project after ``migrate`` with this release; tests change copies."""
    with copy(filled, tmp_path_factory.mktemp("migrated")) as project:
        project.migrate()
        yield project


@pytest.fixture
def project(filled: Project, tmp_path: Path) -> Iterator[Project]:
    """A test's own copy of the project on release 1.5.3."""
    with copy(filled, tmp_path) as project:
        yield project


@pytest.fixture
def upgraded(migrated: Project, tmp_path: Path) -> Iterator[Project]:
    """A test's own copy of the project after ``migrate``."""
    with copy(migrated, tmp_path) as project:
        yield project


@contextmanager
def copy(original: Project, folder: Path) -> Iterator[Project]:
    """Make a copy of a project's database, and yield the project on the copy."""
    with copied_database(TEST_DATABASE, folder, original.database) as database:
        yield replace(original, database=database)


@pytest.fixture
def stand_ins() -> Iterator[StandIns]:
    """Stand-ins that are listening."""
    with SmtpStandIn() as mail, ProviderStandIn() as providers:
        yield StandIns(mail, providers)


def unlike(before: Rows, after: Rows) -> list[str]:
    """Return, for people, every row and old column that is not what it was."""
    differences = []
    for table, rows in before.items():
        for key in rows.keys() | after[table].keys():
            old, new = rows.get(key), after[table].get(key)
            if old is None or new is None:
                differences.append(f"{table} {key}: {'lost' if new is None else 'new'}")
                continue
            differences += [
                f"{table} {key}: {column} was {value!r:.80}, is {new[column]!r:.80}"
                for column, value in old.items()
                if new[column] != value
            ]
    return differences


def count(rows: Rows) -> str:
    """Return, for people, how many rows each table has."""
    return ", ".join(f"{name} {len(table)}" for name, table in rows.items())


def titled(rows: Rows, beginning: str) -> dict[str, Row]:
    """Return the notifications whose title begins with a word of ``fill.py``'s."""
    return {
        key: row for key, row in rows[NOTIFICATIONS].items() if row["title"].startswith(beginning)
    }


def addresses(rows: Rows, notifications: dict[str, Row]) -> Counter[str]:
    """Return how many of these notifications go to each address."""
    records = rows["notification_system_target_user_record"]
    return Counter(
        records[str(row["target_user_record_id"])]["target_user_id"]
        for row in notifications.values()
    )


def assert_every_digest_is_there(rows: Rows) -> None:
    """Only what equals nothing has none, and the second of two that 1.5.3 took on SQLite alone."""
    for row in rows[NOTIFICATIONS].values():
        if row["extra"] is None:
            assert row["digest"] is None
    digests = [row["digest"] for row in rows[NOTIFICATIONS].values() if row["extra"] is not None]
    assert digests.count(None) == (1 if TEST_DATABASE == "sqlite" else 0)
    assert len(set(digests)) == len(digests)


def test_upgrade_keeps_every_row_and_delivers_what_is_due(
    filled: Project,
    upgraded: Project,
    stand_ins: StandIns,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = filled.rows()
    migrated = upgraded.rows()
    assert unlike(before, migrated) == []
    assert_every_digest_is_there(migrated)
    assert "No migrations to apply." in upgraded.migrate()
    upgraded.with_ours("-m", "django", "makemigrations", "--check", "--dry-run")
    upgraded.with_ours("-m", "django", "check", "--fail-level", "WARNING")
    assert unlike(migrated, upgraded.rows()) == []

    output = upgraded.process_notifications(stand_ins)

    delivered = upgraded.rows()
    due = titled(migrated, "due")
    assert {delivered[NOTIFICATIONS][key]["status"] for key in due} == {"DELIVERED"}
    settled = titled(migrated, "settle")
    for key, row in settled.items():
        assert row["title"] == f"settle {delivered[NOTIFICATIONS][key]['status']}"
    assert output.count("*" * 33) == len(due) + len(settled)
    attempted = due.keys() | settled.keys()
    for key, row in migrated[NOTIFICATIONS].items():
        changed = {name for name in row if delivered[NOTIFICATIONS][key][name] != row[name]}
        assert not changed & set(before[NOTIFICATIONS][key]) - CHANGED_BY_DELIVERY
        assert bool(changed) == (key in attempted), row["title"]
    assert stand_ins.received() == addresses(migrated, due)

    assert upgraded.process_notifications(stand_ins) == ""
    assert stand_ins.received() == addresses(migrated, due)
    assert unlike(delivered, upgraded.rows()) == []
    with capsys.disabled():
        print(  # noqa: T201 # the summary is for people
            f"\nUpgrade from 1.5.3 on {TEST_DATABASE}: every row the same ({count(before)});"
            f" {len(due)} due ones delivered, {len(settled)} settled without a message"
        )


def test_upgrade_goes_on_where_it_was_interrupted(project: Project) -> None:
    before = project.rows()
    project.migrate(APP, "0003")

    project.with_ours("interrupt_fill_digest.py")

    half_way = [row["digest"] for row in project.rows()[NOTIFICATIONS].values()]
    assert None in half_way
    assert any(half_way)
    project.migrate()
    migrated = project.rows()
    assert unlike(before, migrated) == []
    assert_every_digest_is_there(migrated)


def test_upgraded_rows_are_not_taken_twice(upgraded: Project) -> None:
    assert upgraded.with_ours("repeat.py") == "0\n"


def test_release_1_5_3_goes_on_writing_while_the_upgrade_is_rolled_out(
    upgraded: Project, stand_ins: StandIns
) -> None:
    upgraded.with_release("write_with_release.py")

    (late,) = titled(upgraded.rows(), "due, made by 1.5.3 after the upgrade").values()
    assert int(late["retry_time_interval"]) == 5
    upgraded.process_notifications(stand_ins)
    assert stand_ins.received()["late@example.com"] == 1
    (late,) = titled(upgraded.rows(), "due, made by 1.5.3 after the upgrade").values()
    assert late["status"] == "DELIVERED"
