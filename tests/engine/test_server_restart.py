"""PostgreSQL is restarted in the middle of a run: the run waits, goes on, and loses nothing.

The server is one of the test's own, so that no other is disturbed.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.settings import TEST_DATABASE
from tests.support.ports import free_port
from tests.support.runs import wait_until
from tests.support.workers.pool import Workers
from tests.support.workers.sql import execute

NOTIFICATIONS = 600
DELAY_SECONDS = 0.01
RECORD_EVERY = 50
#: Who runs the server where the tests are run by root, whom PostgreSQL refuses.
UNPRIVILEGED = "nobody"
SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
fsync = off
"""

pytestmark = pytest.mark.skipif(
    TEST_DATABASE != "postgresql", reason="restarts a PostgreSQL server"
)


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server that may be restarted at will.

    Attributes:
        programs: Where its programs are.
        folder: Where its files are, all of them.
        port: Where it listens on 127.0.0.1.
    """

    programs: Path
    folder: Path
    port: int

    @property
    def settings(self) -> dict[str, str]:
        """How to reach the server, as in Django's settings."""
        address = {"HOST": "127.0.0.1", "PORT": str(self.port), "NAME": "postgres"}
        return {**address, "USER": "postgres", "PASSWORD": ""}

    def execute(self, statement: str) -> None:
        execute(statement, server=self.settings)

    @property
    def is_running(self) -> bool:
        return (self.folder / "data/postmaster.pid").exists()

    def control(self, *arguments: str) -> None:
        """Run ``pg_ctl`` and wait until it is done."""
        self.run("pg_ctl", "--wait", "--log", str(self.folder / "log"), *arguments)

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs as its owner."""
        finished = subprocess.run(
            [self.programs / program, "--pgdata", self.folder / "data", *arguments],
            user=UNPRIVILEGED if os.geteuid() == 0 else None,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
        log = self.folder / "log"
        words = log.read_text() if log.exists() else ""
        assert finished.returncode == 0, f"{program}: {finished.stderr}\n{words}"


@contextmanager
def running_server() -> Iterator[Server]:
    # Not pytest's own folder: only its user gets to that.
    with tempfile.TemporaryDirectory(prefix="postgresql-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
        server = Server(programs(), folder, free_port())
        server.run("initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8")
        with (folder / "data/postgresql.conf").open("a") as settings:
            settings.write(SETTINGS.format(port=server.port, folder=folder))
        server.control("start")
        try:
            yield server
        finally:
            if server.is_running:  # no test has left it stopped
                server.control("stop", "--mode=immediate")


def programs() -> Path:
    """Return the folder with ``initdb`` and ``pg_ctl``, of the newest PostgreSQL here.

    Debian keeps them out of the path. Where they are not, the tests are skipped, and fail in CI.
    """
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[4])
    )
    found = debian[-1] if debian else shutil.which("pg_ctl")
    if found and Path(found).with_name("initdb").exists():
        return Path(found).parent
    reason = "There is no pg_ctl with an initdb beside it: install PostgreSQL's server."
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def workers_on(server: Server, database: str, folder: Path) -> Workers:
    workers = Workers(folder, database)
    workers.environment.update(
        TEST_DATABASE_HOST="127.0.0.1",
        TEST_POSTGRESQL_PORT=str(server.port),
        TEST_POSTGRESQL_USER="postgres",
        TEST_POSTGRESQL_PASSWORD="",
    )
    workers.server |= server.settings
    return workers


@pytest.fixture(scope="module")
def filled_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a database whose queue is full; tests get copies."""
    with running_server() as started:
        started.execute("CREATE DATABASE filled")
        workers = workers_on(started, "filled", tmp_path_factory.mktemp("filled"))
        workers.python("-m", "django", "migrate", "-v0")
        workers.python("-m", "tests.support.workers.fill", str(NOTIFICATIONS))
        yield started


@pytest.fixture
def server(filled_server: Server) -> Server:
    """The server, running whatever another test has left."""
    if not filled_server.is_running:
        filled_server.control("start")
    return filled_server


@pytest.fixture
def workers(server: Server, tmp_path: Path) -> Iterator[Workers]:
    """Workers on that server, with a full queue."""
    database = f"workers_{uuid4().hex[:8]}"
    server.execute(f"CREATE DATABASE {database} TEMPLATE filled")
    workers = workers_on(server, database, tmp_path)
    try:
        yield workers
    finally:
        workers.end()


def test_a_run_goes_on_after_the_server_was_restarted(server: Server, workers: Workers) -> None:
    run = workers.start(delay=DELAY_SECONDS, BATCH_SIZE=100, RECORD_EVERY=RECORD_EVERY)
    wait_until(lambda: workers.deliveries().total() > NOTIFICATIONS // 4)
    server.control("restart", "--mode=fast")
    assert workers.deliveries().total() < NOTIFICATIONS, "It was restarted too late."
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 0, errors
    assert "The database is out of reach; waiting for it." in errors
    assert_each_arrived(workers)


def test_a_run_waits_for_a_server_that_is_away_for_a_while(
    server: Server, workers: Workers
) -> None:
    run = workers.start(delay=DELAY_SECONDS, BATCH_SIZE=100, RECORD_EVERY=RECORD_EVERY)
    wait_until(lambda: workers.deliveries().total() > NOTIFICATIONS // 4)
    server.control("stop", "--mode=fast")
    time.sleep(5)
    assert run.poll() is None, run.communicate()
    # What it held was sent meanwhile, and no more: nothing else can be claimed.
    assert workers.deliveries().total() < NOTIFICATIONS
    server.control("start")
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 0, errors
    assert_each_arrived(workers)


@pytest.mark.parametrize("options", [(), ("--watch",)], ids=["run", "watch"])
def test_a_run_that_is_told_to_stop_waits_no_minute_for_a_server_that_is_away(
    server: Server, workers: Workers, options: tuple[str, ...]
) -> None:
    run = workers.start(*options, delay=DELAY_SECONDS, BATCH_SIZE=100, RECORD_EVERY=RECORD_EVERY)
    wait_until(lambda: workers.deliveries().total() > NOTIFICATIONS // 4)
    server.control("stop", "--mode=immediate")
    time.sleep(1)
    run.send_signal(signal.SIGTERM)
    try:
        _, errors = run.communicate(timeout=45)  # it waits for a minute where it is not told
    finally:
        run.kill()
        server.control("start")
    assert "The database is out of reach; waiting for it." in errors


def test_watch_goes_on_after_the_server_was_restarted(server: Server, workers: Workers) -> None:
    watch = workers.start("--watch", "--interval", "60", delay=DELAY_SECONDS)
    wait_until(lambda: workers.deliveries().total() > NOTIFICATIONS // 4)
    server.control("restart", "--mode=fast")
    wait_until(lambda: len(workers.deliveries()) == NOTIFICATIONS, seconds=120)
    # It listens again: within the interval nothing but PostgreSQL's word wakes it.
    time.sleep(2)
    server.control("restart", "--mode=fast")
    time.sleep(8)
    workers.python("-m", "tests.support.workers.fill", "1")
    wait_until(lambda: len(workers.deliveries()) == NOTIFICATIONS + 1, seconds=45)
    watch.send_signal(signal.SIGTERM)
    _, errors = watch.communicate(timeout=120)
    assert watch.returncode == 0, errors
    assert not re.search("Traceback", errors)
    assert_each_arrived(workers, NOTIFICATIONS + 1)


def assert_each_arrived(workers: Workers, number: int = NOTIFICATIONS) -> None:
    deliveries = workers.deliveries()
    assert len(deliveries) == number
    duplicates = deliveries.total() - number
    sys.stdout.write(f"{duplicates} of {number} sent again\n")
    # One in flight over the only connection, and what was not recorded yet.
    assert duplicates <= 1 + RECORD_EVERY
    assert workers.statuses() == {"DELIVERED": number}
