"""How fast notifications are delivered: this project, its rivals and the floors, in one run.

    python -m benchmarks.delivery [--latency 0 5 50] [--database postgresql sqlite]
                                  [--only ours floor] [--channel email] [--number N]

A measurement has its own process and its own server, which takes everything and answers after 0, 5
or 50 ms. PostgreSQL is found like the tests' (``tests/databases.py``). A rival that cannot be
installed is named and left out.
"""

import argparse
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.databases import DATABASES, is_there

from .rivals import CannotInstall, interpreter, version
from .sink import running_sink
from .table import Contender, Measurement, goals, load, section

PROGRAMS = Path(__file__).parent / "contenders"
ROOT = Path(__file__).resolve().parents[2]
#: Preparation and all.
LONGEST_SECONDS = 180
#: From so late an answer on, few messages go out in a second; a run's first and last messages,
#: which do not use all connections, would weigh too much. Such runs are longer.
SLOW_MS = 20
LONGER = 4
FLOORS = {
    "email": "smtplib, 1 connection",
    "twilio": "requests, 1 connection",
    "expo": "SDK, 100 a request, 1 connection",
}
CONTENDERS = [
    Contender(FLOORS["email"], "floor", "email", "1", uses_database=False),
    Contender("smtplib, 4 connections", "floor", "email", "4", uses_database=False),
    Contender("claim and record alone", "ours", "email", "queue alone"),
    Contender("this project", "ours", "email", "same"),
    Contender("this project, each body another", "ours", "email", "different"),
    Contender("this project, printing its blocks", "ours", "email", "printed"),
    Contender("this project, PIPELINING", "ours", "email", "pipelining"),
    Contender("release 1.5.3", "rival_release", "email"),
    Contender("django-post_office", "rival_post_office", "email"),
    Contender("django-mailer", "rival_mailer", "email"),
    Contender("Celery, a task an email", "rival_celery", "email", uses_database=False),
    Contender(FLOORS["twilio"], "floor", "twilio", "1", uses_database=False),
    Contender("requests, 16 connections", "floor", "twilio", "16", uses_database=False),
    Contender("this project", "ours", "twilio", "same"),
    Contender("release 1.5.3", "rival_release", "twilio"),
    Contender(FLOORS["expo"], "floor", "expo", "1", uses_database=False),
    Contender("SDK, 100 a request, 4 connections", "floor", "expo", "4", uses_database=False),
    Contender("this project", "ours", "expo", "same"),
    Contender("release 1.5.3", "rival_release", "expo"),
]


def main() -> None:
    options = parsed()
    databases = [name for name in options.database if is_there(name)]
    contenders = chosen(options)
    print(f"{platform.python_implementation()} {platform.python_version()},", end=" ")
    print(f"{os.cpu_count()} processors, load average {load():.1f} at the start", flush=True)
    print_versions(contenders)
    measurements: list[Measurement] = []
    for channel in FLOORS:
        there = [contender for contender in contenders if contender.channel == channel]
        for latency in options.latency if there else ():
            measured = [
                measure(contender, database, latency, options)
                for contender in there
                for database in (databases if contender.uses_database else [""])
            ]
            measurements += measured
            print(f"\n{channel}, answers after {latency} ms\n")
            print(section(measured, FLOORS[channel]), flush=True)
    print(f"\nThe goals, load average {load():.1f} at the end\n")
    print(goals(measurements, databases))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 5, 50], metavar="MS")
    parser.add_argument(
        "--database", nargs="+", choices=["postgresql", "sqlite"], default=["postgresql", "sqlite"]
    )
    parser.add_argument("--channel", nargs="+", choices=list(FLOORS), default=list(FLOORS))
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="of a program's name or a label"
    )
    parser.add_argument("--number", type=int, metavar="N", help="messages of each measurement")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement, about")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[Contender]:
    def is_wanted(contender: Contender) -> bool:
        words = (contender.program, contender.label, contender.variant)
        return contender.channel in options.channel and (
            not options.only or any(wish in word for wish in options.only for word in words)
        )

    return [contender for contender in CONTENDERS if is_wanted(contender)]


def print_versions(contenders: list[Contender]) -> None:
    for program in sorted({contender.program for contender in contenders}):
        if not program.startswith("rival_"):
            continue
        name = program.removeprefix("rival_")
        try:
            print(f"{name} {version(program)}", flush=True)
        except CannotInstall as reason:
            print(f"{name} is left out: {reason}", flush=True)


def measure(
    contender: Contender, database: str, latency: int, options: argparse.Namespace
) -> Measurement:
    """Measure a contender in a separate process, with its own database and sink."""
    measurement = Measurement(contender, database, latency, load=load())
    try:
        python = interpreter(contender.program)
    except CannotInstall:
        return replace(measurement, problem="not installed")
    with (
        tempfile.TemporaryDirectory() as folder,
        scratch_database(database, Path(folder)) as entry,
        running_sink() as (smtp_port, http_port, control_port),
    ):
        job = {
            "channel": contender.channel,
            "variant": contender.variant,
            "database": entry,
            "smtp_port": smtp_port,
            "http_port": http_port,
            "control_port": control_port,
            "delay": latency / 1000,
            "seconds": options.seconds * (LONGER if latency >= SLOW_MS else 1),
            "number": options.number,
            "folder": folder,
        }
        return run(measurement, python, job)


def run(measurement: Measurement, python: Path, job: dict[str, Any]) -> Measurement:
    program = measurement.contender.program
    environment = {**os.environ, "BENCHMARK_JOB": json.dumps(job)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    if program == "ours":
        environment["PYTHONPATH"] = str(ROOT)
    try:
        finished = subprocess.run(
            [python, PROGRAMS / f"{program}.py"],
            env=environment,
            cwd=job["folder"],
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return replace(measurement, problem=f"no end after {LONGEST_SECONDS} s")
    if finished.returncode:
        last_line = (finished.stderr.strip() or "no word").splitlines()[-1]
        return replace(measurement, problem=f"failed: {last_line[:80]}")
    result = json.loads(finished.stdout.strip().splitlines()[-1])
    return replace(measurement, result=result, load=load())


@contextmanager
def scratch_database(vendor: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Make an empty database with the server's own settings, yield its entry, and drop it."""
    if vendor != "postgresql":
        name = str(folder / "benchmark.sqlite3") if vendor else ":memory:"
        yield {"ENGINE": "django.db.backends.sqlite3", "NAME": name}
        return
    import psycopg

    settings = {key: value for key, value in DATABASES[vendor].items() if key != "TEST"}
    login = {key: settings[key.upper()] for key in ("user", "password", "host", "port")}
    name = f"benchmark_delivery_{os.getpid()}"
    with psycopg.connect(**login, dbname=settings["NAME"], autocommit=True) as link:
        link.execute(f"CREATE DATABASE {name}")
        try:
            yield {**settings, "NAME": name}
        finally:
            link.execute(f"DROP DATABASE {name} WITH (FORCE)")


if __name__ == "__main__":
    main()
