"""Start, kill and stop workers, and read their results."""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

from tests.databases import DATABASES
from tests.reports import AT_THE_END
from tests.settings import TEST_DATABASE
from tests.support import forked
from tests.support.places import ROOT
from tests.support.subprocesses import environment_of
from tests.support.workers.sql import copy_database, execute

#: The last line of a process that hangs after it was told to stop, and ends by force; status 1.
#: As this takes less than ten seconds by the process's own clock, status 0 without the line proves
#: that a process ended in order and in time, however busy the machine is: see test_stopping.
ENDED_BY_FORCE = (
    "The process was told to stop and something hangs in it: it ends by force. What was not"
    " recorded is due again when its lease ends."
)
#: Constants that tests shorten.
LIMITS = {
    "wind_up": "stop_moment.WIND_UP_SECONDS",
    "force_after": "operations.console.forced_end.FORCE_AFTER_SECONDS",
}
#: Variables by which the settings change something before the apps are loaded.
BEFORE_APPS = ("WORKERS_LIMITS", "STORM_CLOCK", "TASKS_QUEUES", "CELERY_BROKER")
#: What a run loads: settings with the apps of all workers' settings, and modules besides the apps.
OF_A_RUN = (
    "tests.support.workers.settings",
    "django.core.management.commands.migrate",
    "django_notification_system.management.commands.process_notifications",
    "django_notification_system.notification_handlers.email",
    "django_notification_system.notification_handlers.expo",
    "django_notification_system.notification_handlers.twilio",
)
Process = subprocess.Popen[str] | forked.Process


class Workers:
    """The processes of a test, on a database and a spool of their own.

    Args:
        folder: The folder for the spool and, for SQLite, the database.
        database: The database's name.
    """

    def __init__(self, folder: Path, database: str) -> None:
        self.spool = folder / "spool"
        self.environment = environment_of(
            {
                "DJANGO_SETTINGS_MODULE": "tests.support.workers.settings",
                "TEST_DATABASE": TEST_DATABASE,
                "WORKERS_DATABASE": database,
                "WORKERS_SPOOL": str(self.spool),
                **{name: value for name, value in os.environ.items() if name.startswith("TEST_")},
            }
        )
        self.running: list[Process] = []
        #: How to reach the database's server, as in Django's settings.
        self.server = dict(DATABASES[TEST_DATABASE])

    @property
    def loaded(self) -> tuple[str, ...]:
        """What the processes need not load themselves; see ``forked.start``."""
        if any(name in self.environment for name in BEFORE_APPS):
            return ()
        return OF_A_RUN

    def python(self, *arguments: str) -> str:
        """Run Python to its end and return the output."""
        done = forked.run(
            arguments,
            folder=ROOT,
            environment=self.environment,
            timeout=900,
            loaded=self.loaded,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *arguments: str, delay: float = 0, **engine: Any) -> forked.Process:
        """Start a ``process_notifications`` that prints nothing."""
        said = {"WORKERS_DELAY": str(delay), "WORKERS_ENGINE": json.dumps(engine)}
        return self.start_in(said, "-v0", *arguments)

    def start_in(
        self,
        environment: Mapping[str, str],
        *arguments: str,
        stdout: int = 1,
        stderr: int = subprocess.PIPE,
    ) -> forked.Process:
        """Start a ``process_notifications`` with more in its environment; see ``forked.start``."""
        worker = forked.start(
            ["-m", "django", "process_notifications", *arguments],
            folder=ROOT,
            environment={**self.environment, **environment},
            stdout=stdout,
            stderr=stderr,
            loaded=self.loaded,
        )
        self.running.append(worker)
        return worker

    def limit(self, **seconds: float) -> None:
        """Shorten time limits of the processes started from now on.

        Args:
            seconds: By the names in ``LIMITS``.
        """
        limits = {LIMITS[name]: value for name, value in seconds.items()}
        self.environment["WORKERS_LIMITS"] = json.dumps(limits)

    def deliveries(self) -> Counter[str]:
        """Count how often a notification reached the provider, by notification."""
        return Counter(self.spool.read_text().split()) if self.spool.exists() else Counter()

    def statuses(self) -> Counter[str]:
        """Count the notifications by status, with ``+claimed`` where a run has the claim."""
        # In this process: another process with Django takes a second, and tests ask again and
        # again.
        rows = execute(
            "SELECT status, CASE WHEN claim_token IS NULL THEN '' ELSE '+claimed' END, COUNT(*)"
            " FROM notification_system_notification GROUP BY 1, 2",
            database=self.environment["WORKERS_DATABASE"],
            server=self.server,
        )
        return Counter({status + claimed: number for status, claimed, number in rows})

    def responses(self) -> set[str]:
        """Return the responses of the notifications."""
        rows = execute(
            "SELECT DISTINCT response FROM notification_system_notification",
            database=self.environment["WORKERS_DATABASE"],
            server=self.server,
        )
        return {response for (response,) in rows}

    def end(self) -> None:
        """Kill all processes."""
        for worker in self.running:
            worker.kill()
            if worker.stderr is not None and not worker.stderr.closed:
                worker.communicate()
            worker.wait()


@contextmanager
def database_of_its_own(folder: Path) -> Iterator[str]:
    """Make an empty database for a test's workers, and drop it afterwards."""
    name = _name_of_database(folder)
    if TEST_DATABASE != "sqlite":
        execute(f"CREATE DATABASE {name}")
    try:
        yield name
    finally:
        _drop(name)


def end_connections(database: str) -> int:
    """Let PostgreSQL end every connection to a database, as in a restart."""
    rows = execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    )
    return len(rows)


@contextmanager
def migrated_workers(folder: Path) -> Iterator[Workers]:
    """Make workers on a migrated, empty database of their own, and end all afterwards."""
    name = _name_of_database(folder)
    copy_database(_migrated_database(), name)
    try:
        workers = Workers(folder, name)
        try:
            yield workers
        finally:
            workers.end()
    finally:
        _drop(name)


#: The database migrated by this process; tests get copies.
_migrated: list[tuple[Path, str]] = []


def _migrated_database() -> str:
    """Return a migrated database without clients, made at the first call."""
    if not _migrated:
        folder = Path(mkdtemp(prefix="migrated-"))
        name = _name_of_database(folder)
        if TEST_DATABASE != "sqlite":
            execute(f"CREATE DATABASE {name}")
        _migrated.append((folder, name))
        AT_THE_END.append(_drop_migrated_database)
        Workers(folder, name).python("-m", "django", "migrate", "-v0")
    return _migrated[0][1]


def _drop_migrated_database() -> None:
    """Drop the database behind the copies, after the last test."""
    while _migrated:
        folder, name = _migrated.pop()
        _drop(name)
        shutil.rmtree(folder)


def _name_of_database(folder: Path) -> str:
    if TEST_DATABASE == "sqlite":
        return str(folder / "workers.sqlite3")
    return f"{os.environ.get('TEST_DATABASE_SUFFIX', '').strip('_')}workers_{uuid4().hex[:8]}"


def _drop(name: str) -> None:
    if TEST_DATABASE != "sqlite":
        execute(
            f"DROP DATABASE IF EXISTS {name}" + " WITH (FORCE)" * (TEST_DATABASE == "postgresql")
        )
