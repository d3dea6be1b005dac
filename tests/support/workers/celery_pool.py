"""Start and kill Celery's own workers and beat, and read their results."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from kombu import Connection
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from tests.support.places import ROOT
from tests.support.workers.pool import Workers

APP = "tests.support.workers.celery_app"
#: Without features that the tests do not need and that take time on a small machine.
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")


class CeleryWorkers(Workers):
    """The processes of a test: a database, a spool and queues of their own, on a broker.

    Args:
        folder: The folder for the spool and the processes' output.
        database: The database's name.
        broker: The broker's URL.
        delay: How many seconds the handler takes for a notification.
        engine: The engine's settings.
    """

    def __init__(
        self, folder: Path, database: str, broker: str, *, delay: float = 0, **engine: Any
    ) -> None:
        super().__init__(folder, database)
        self.prefix = f"test_{uuid4().hex[:12]}."
        self._output = folder / "celery"
        self._schedule = folder / "schedule"
        self.environment |= {
            "DJANGO_SETTINGS_MODULE": "tests.support.workers.celery_settings",
            "CELERY_BROKER": broker,
            "CELERY_PREFIX": self.prefix,
            "WORKERS_DELAY": str(delay),
            "WORKERS_ENGINE": json.dumps(engine),
        }
        self._broker = broker

    @property
    def output(self) -> str:
        """The processes' output."""
        return self._output.read_text() if self._output.exists() else ""

    def start_worker(self) -> "subprocess.Popen[str]":
        """Start a worker with one process, for all queues of the test."""
        queues = [f"{self.prefix}notifications", f"{self.prefix}notifications.spool"]
        # Two workers with the same name would claim the same queue for remote control.
        name = f"{self.prefix}{uuid4().hex[:6]}@%h"
        arguments = ("-n", name, "--concurrency", "1", "-Q", ",".join(queues), *QUIET)
        return self._celery("worker", *arguments)

    def start_beat(self) -> "subprocess.Popen[str]":
        """Start beat, which calls for more every second."""
        return self._celery("beat", "--schedule", str(self._schedule), "--loglevel", "WARNING")

    def kill(self, worker: "subprocess.Popen[str]") -> None:
        """Kill a worker with all its processes."""
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def child_of(self, worker: "subprocess.Popen[str]") -> int | None:
        """Return the process that does a worker's work, or ``None``."""
        found = subprocess.run(
            ["ps", "--ppid", str(worker.pid), "-o", "pid="],
            capture_output=True,
            text=True,
        )
        children = found.stdout.split()
        return int(children[-1]) if children else None

    def wait_until(self, holds: Callable[[], bool], seconds: float = 180) -> None:
        """Wait until a condition holds, at most so many seconds."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, (self.statuses(), self.output[-5000:])
            time.sleep(0.1)

    def end(self) -> None:
        """Kill all processes, and delete the test's queues."""
        for process in self.running:
            self.kill(process)
        with suppress(
            OSError, OperationalError, RedisError
        ):  # the broker is gone, with all its queues
            self._delete_queues()

    def _delete_queues(self) -> None:
        if self._broker.startswith("redis"):
            with Redis.from_url(self._broker) as client:
                for key in client.scan_iter(f"{self.prefix}*"):
                    client.delete(key)
        elif self._broker.startswith("amqp"):
            with Connection(self._broker, connect_timeout=2) as connection:
                for name in ("notifications", "notifications.spool", "celery"):
                    connection.default_channel.queue_delete(f"{self.prefix}{name}")

    def _celery(self, *arguments: str) -> "subprocess.Popen[str]":
        with self._output.open("a") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", APP, *arguments],
                cwd=ROOT,
                env={**self.environment, "C_FORCE_ROOT": "1"},
                text=True,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.running.append(process)
        return process
