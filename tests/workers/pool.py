"""Starting, killing and stopping workers, and reading what they did."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.databases import DATABASES
from tests.settings import TEST_DATABASE
from tests.subprocesses import ROOT, environment_of


class Workers:
    """The processes of one test, on a database and a spool of their own.

    Args:
        folder: Where spool and, for SQLite, database are.
        database: The database's name.
    """

    def __init__(self, folder: Path, database: str) -> None:
        self.spool = folder / "spool"
        self.environment = environment_of(
            {
                "DJANGO_SETTINGS_MODULE": "tests.workers.settings",
                "TEST_DATABASE": TEST_DATABASE,
                "WORKERS_DATABASE": database,
                "WORKERS_SPOOL": str(self.spool),
                **{name: value for name, value in os.environ.items() if name.startswith("TEST_")},
            }
        )
        self.running: list[subprocess.Popen[str]] = []

    def python(self, *arguments: str) -> str:
        """Run Python to its end and return what it printed."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            check=True,
            text=True,
            stdout=subprocess.PIPE,
            timeout=300,
        ).stdout

    def start(self, *arguments: str, delay: float = 0, **engine: Any) -> subprocess.Popen[str]:
        """Start one ``process_notifications``."""
        worker = subprocess.Popen(
            [sys.executable, "-m", "django", "process_notifications", "-v0", *arguments],
            cwd=ROOT,
            env={
                **self.environment,
                "WORKERS_DELAY": str(delay),
                "WORKERS_ENGINE": json.dumps(engine),
            },
            text=True,
            stderr=subprocess.PIPE,
        )
        self.running.append(worker)
        return worker

    def deliveries(self) -> Counter[str]:
        """Count how often each notification was handed to the provider."""
        return Counter(self.spool.read_text().split()) if self.spool.exists() else Counter()

    def statuses(self) -> Counter[str]:
        """Count the notifications by status, with ``+claimed`` where a run still holds them."""
        program = (
            "import django, json; django.setup()\n"
            "from collections import Counter\n"
            "from django_notification_system.models import Notification\n"
            "rows = Notification.objects.values_list('status', 'claim_token')\n"
            "print(json.dumps(Counter(s + ('+claimed' if t else '') for s, t in rows)))"
        )
        return Counter(json.loads(self.python("-c", program)))

    def end(self) -> None:
        """Kill what still runs."""
        for worker in self.running:
            worker.kill()
            if worker.stderr is not None and not worker.stderr.closed:
                worker.communicate()


@contextmanager
def database_of_its_own(folder: Path) -> Iterator[str]:
    """Make a database for a test's workers, and drop it afterwards."""
    if TEST_DATABASE == "sqlite":
        yield str(folder / "workers.sqlite3")
        return
    name = f"{os.environ.get('TEST_DATABASE_SUFFIX', '').strip('_')}workers_{uuid4().hex[:8]}"
    _execute(f"CREATE DATABASE {name}")
    try:
        yield name
    finally:
        if TEST_DATABASE == "postgresql":
            _execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        else:
            _execute(f"DROP DATABASE IF EXISTS {name}")


def end_connections(database: str) -> int:
    """Let PostgreSQL end every connection to a database, as it does when it restarts."""
    rows = _execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    )
    return len(rows)


def _execute(statement: str) -> list[Any]:
    server = DATABASES[TEST_DATABASE]
    if TEST_DATABASE == "postgresql":
        import psycopg

        with psycopg.connect(
            host=server["HOST"],
            port=server["PORT"],
            user=server["USER"],
            password=server["PASSWORD"] or None,
            dbname=server["NAME"],
            autocommit=True,
        ) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []
    import pymysql

    with (
        pymysql.connect(
            host=server["HOST"],
            port=int(server["PORT"]),
            user=server["USER"],
            password=server["PASSWORD"],
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        return list(cursor.fetchall())


@contextmanager
def migrated_workers(folder: Path) -> Iterator[Workers]:
    """Make workers on a database of their own, migrated and empty, and end them all afterwards."""
    with database_of_its_own(folder) as name:
        workers = Workers(folder, name)
        workers.python("-m", "django", "migrate", "-v0")
        try:
            yield workers
        finally:
            workers.end()
