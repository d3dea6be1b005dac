"""Django's Tasks with the real workers of two backends: nothing lost, whatever dies."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.settings import TEST_DATABASE
from tests.support import forked
from tests.support.places import ROOT
from tests.support.redis_server import REDIS, redis_is_there
from tests.support.workers.pool import OF_A_RUN, Process, Workers, database_of_its_own

RECORD_EVERY = 10
#: Of this process's queues; a backend reads the names when its app is loaded.
MARK = uuid4().hex[:8]
#: Between two times that cron comes by.
CRON_SECONDS = 0.5
#: By backend: the module of the worker's command, which the processes need not load themselves.
COMMANDS = {
    "database": "django_tasks_db.management.commands.db_worker",
    "rq": "django_rq.management.commands.rqworker",
}


class TaskWorkers(Workers):
    """Workers of a backend of Django's Tasks, on queues of this process's own.

    Args:
        folder: Where spool and, for SQLite, database are.
        database: The database's name.
        backend: ``"database"`` or ``"rq"``.
    """

    def __init__(self, folder: Path, database: str, backend: str) -> None:
        super().__init__(folder, database)
        self.backend = backend
        self.queue, self.mail_queue = f"default-{MARK}", f"mail-{MARK}"
        self.environment |= {
            "DJANGO_SETTINGS_MODULE": "tests.support.workers.tasks_settings",
            "TASKS_BACKEND": backend,
            "TASKS_QUEUES": json.dumps([self.queue, self.mail_queue]),
            "TASKS_REDIS": json.dumps(REDIS),
        }

    def configure(self, **engine: Any) -> None:
        """Set NOTIFICATION_SYSTEM for what is started from now on."""
        self.environment["WORKERS_ENGINE"] = json.dumps(engine)

    @property
    def loaded(self) -> tuple[str, ...]:
        return (self.environment["DJANGO_SETTINGS_MODULE"], *OF_A_RUN[1:], COMMANDS[self.backend])

    def start_worker(self, queue: str = "", *, delay: float = 0) -> Process:
        """Start one of the backend's own workers."""
        queue = queue or self.queue
        if self.backend == "rq":
            command = ["rqworker", queue, "--job-class", "django_tasks_rq.Job", "-v0"]
        else:
            command = ["db_worker", "--queue-name", queue, "--interval", "0.2", "-v0"]
            command += ["--no-startup-delay"]
        with open(os.devnull, "wb") as nothing:
            worker = forked.start(
                ["-m", "django", *command],
                folder=ROOT,
                environment={**self.environment, "WORKERS_DELAY": str(delay)},
                stdout=nothing.fileno(),
                stderr=nothing.fileno(),
                leads_session=True,
                loaded=self.loaded,
            )
        self.running.append(worker)
        return worker

    def fill(self, number: int) -> None:
        """Let this be all that the database holds: so many that are due, and no task."""
        self.python(
            "-c",
            "import django; django.setup()\n"
            "from django_notification_system.models import Notification\n"
            "Notification.objects.all().delete()\n"
            "from django.apps import apps\n"
            "if apps.is_installed('django_tasks_db'):\n"
            "    apps.get_model('django_tasks_database', 'DBTaskResult').objects.all().delete()\n"
            f"from tests.support.workers.fill import fill; fill({number})",
        )

    def kill(self, worker: Process) -> None:
        """Kill a worker, and what it has forked, as when a machine dies."""
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def hand_over(self) -> str:
        """Do what cron does."""
        return self.python("-m", "django", "hand_over_notifications").strip()

    def lose_tasks(self) -> None:
        """Lose what waits in the queue, as a broker does that is not durable."""
        if self.backend == "rq":
            program = "import django_rq; django_rq.get_queue({!r}).empty()"
        else:
            program = (
                "from django_tasks_db.models import DBTaskResult as Row\n"
                "Row.objects.filter(queue_name={!r}).delete()"
            )
        self.python("-c", f"import django; django.setup()\n{program.format(self.queue)}")

    def wait_for(self, number: int, *, seconds: float = 180, handing_over: bool = False) -> None:
        """Wait until so many notifications went out; let cron come by meanwhile, if asked to."""
        deadline = time.monotonic() + seconds
        while len(self.deliveries()) < number:
            assert time.monotonic() < deadline, f"{len(self.deliveries())} of {number}"
            if handing_over:
                self.hand_over()
            time.sleep(CRON_SECONDS if handing_over else 0.05)

    def wait_until_delivered(
        self, number: int, *, seconds: float = 180, handing_over: bool = False
    ) -> None:
        """Wait until that is recorded, too."""
        deadline = time.monotonic() + seconds
        while (statuses := self.statuses()) != {"DELIVERED": number}:
            assert time.monotonic() < deadline, statuses
            if handing_over:
                self.hand_over()
            time.sleep(CRON_SECONDS if handing_over else 0.05)

    def end(self) -> None:
        for worker in self.running:
            if worker.poll() is None:
                self.kill(worker)
        if self.backend == "rq":
            from redis import Redis

            with Redis(*REDIS, db=15) as redis:
                for queue in (self.queue, self.mail_queue):
                    jobs = redis.lrange(f"rq:queue:{queue}", 0, -1)
                    keys = [*redis.scan_iter(f"rq:*:{queue}*"), *(b"rq:job:" + job for job in jobs)]
                    if keys:
                        redis.delete(*keys)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database, with the tables of the database backend, for all tests here."""
    folder = tmp_path_factory.mktemp("database")
    with database_of_its_own(folder) as name:
        TaskWorkers(folder, name, "database").python("-m", "django", "migrate", "-v0")
        yield name


@pytest.fixture(params=["database", "rq"])
def workers(tmp_path: Path, database: str, request: pytest.FixtureRequest) -> Iterator[TaskWorkers]:
    """Workers on queues of their own."""
    if request.param == "rq":
        if TEST_DATABASE == "mariadb":
            pytest.skip("Redis and MariaDB have nothing to do with each other.")
        redis_is_there()
    workers = TaskWorkers(tmp_path, database, request.param)
    try:
        yield workers
    finally:
        workers.end()


def test_workers_deliver_each_notification_once_from_their_targets_queue(
    workers: TaskWorkers,
) -> None:
    # Two batches at a time, and seven in all: a worker that has delivered one hands over the next.
    workers.configure(BATCH_SIZE=30, IN_FLIGHT=2, TASK_QUEUES={"spool": workers.mail_queue})
    workers.fill(200)
    assert workers.hand_over() == "60 notifications were handed over."
    assert workers.deliveries().total() == 0
    workers.start_worker(workers.mail_queue)
    workers.start_worker(workers.mail_queue)
    workers.wait_for(200)
    workers.wait_until_delivered(200)
    assert set(workers.deliveries().values()) == {1}


def test_neither_killed_workers_nor_a_lost_queue_lose_a_notification(
    workers: TaskWorkers,
) -> None:
    workers.configure(LEASE_SECONDS=4, BATCH_SIZE=100, RECORD_EVERY=RECORD_EVERY)
    workers.fill(300)
    worker = workers.start_worker(delay=0.01)
    workers.wait_for(120, handing_over=True)
    workers.kill(worker)
    workers.lose_tasks()
    workers.start_worker()
    workers.wait_for(300, handing_over=True)
    # What was sent, and not recorded when its worker was killed, is due again after the lease.
    workers.wait_until_delivered(300, handing_over=True)
    assert workers.deliveries().total() - 300 <= 1 + RECORD_EVERY


def test_what_is_due_leaves_when_its_transaction_commits(workers: TaskWorkers) -> None:
    workers.configure(DISPATCH="on_commit")
    workers.start_worker()
    workers.fill(3)  # and nobody hands anything over
    workers.python("-m", "tests.support.workers.notify_by_type")
    workers.wait_for(4)
    workers.wait_until_delivered(4)
    # A worker knows the type, and makes the text.
    assert workers.responses() == {"Spooled.", "Spooled. 17 for egg"}
