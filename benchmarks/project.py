"""A benchmark's project: a database, a sink, and commands in separate processes."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.databases import DATABASES
from tests.support.scratch_databases import scratch_database

from .delivery.sink import HOST, running_sink

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Project:
    """The addresses of database and sink for the project's processes.

    Attributes:
        environment: The processes' environment.
        control_port: The port of the sink's count.
        prefix: A command before every started command.
    """

    environment: dict[str, str]
    control_port: int
    prefix: tuple[str, ...] = ()

    def python(self, *arguments: str) -> str:
        """Run Python to its end and return the output."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        ).stdout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Python, with pipes for input and output."""
        return subprocess.Popen(
            [*self.prefix, sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def fill(self, *arguments: str) -> None:
        """Fill the queue; the arguments are those of ``benchmarks/rows.py``."""
        self.python("-m", "benchmarks.rows", *arguments)

    def ask_sink(self, command: str = "show") -> dict[str, float]:
        """Ask the sink for its count; ``reset SECONDS`` starts anew, with answers so late."""
        return ask_sink(self.control_port, command)


def ask_sink(control_port: int, command: str = "show") -> dict[str, float]:
    with socket.create_connection((HOST, control_port)) as control:
        control.sendall(command.encode())
        answer: dict[str, float] = json.loads(control.makefile().readline())
        return answer


@contextmanager
def project(vendor: str) -> Iterator[Project]:
    """Make a project on an empty database, with tables, and drop the database afterwards.

    Args:
        vendor: A key of ``tests.databases.DATABASES``.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        scratch_database(vendor, Path(folder)) as entry,
        running_sink() as (smtp_port, http_port, control_port),
    ):
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "BENCHMARK_DATABASE": json.dumps({**entry, "OPTIONS": options_of(vendor)}),
            "BENCHMARK_SINK": json.dumps([smtp_port, http_port]),
            "BENCHMARK_CONTROL": str(control_port),
        }
        made = Project(environment, control_port)
        made.python("-m", "django", "migrate", "--verbosity=0")
        yield made


def options_of(vendor: str) -> dict[str, Any]:
    """Return a project's own options: the tests' scratch databases do not wait for the disk."""
    if vendor == "sqlite":
        return {"timeout": 60}
    options: dict[str, Any] = DATABASES[vendor].get("OPTIONS", {})
    return options
