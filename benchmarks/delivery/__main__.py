"""How fast notifications are delivered: this project, its rivals and the floors, in one run.

    python -m benchmarks.delivery [--latency 0 50] [--database postgresql sqlite] [--rounds N]
                                  [--only ours floor] [--channel email] [--number N]
    python -m benchmarks.delivery --only "this project" --channel email --latency 0   # one row

A measurement has its own process and its own server, which takes everything and answers after 0 or
50 ms. Mails are personal where a row's name does not say otherwise. PostgreSQL is found like the
tests' (``tests/databases.py``). A rival that cannot be installed is named and left out.
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
from tests.support.ports import free_port

from .rivals import CannotInstall, interpreter, version
from .sink import running_sink
from .table import Contender, Measurement, best, goals, load, refusals, section

PROGRAMS = Path(__file__).parent / "contenders"
ROOT = Path(__file__).resolve().parents[2]
#: Preparation and all.
LONGEST_SECONDS = 180
#: From so late an answer on, few messages go out in a second; a run's first and last messages,
#: which do not use all connections, would weigh too much. Such runs are longer.
SLOW_MS = 20
LONGER = 4
#: The answers' delays, in milliseconds, at which a contender is measured.
FAST = (0,)
SLOW = (50,)
FLOORS = {
    "email": "smtplib, 1 connection",
    "twilio": "requests, 1 connection",
    "expo": "SDK, 100 a request, 1 connection",
}
CONTENDERS = [
    Contender(FLOORS["email"], "floor", "email", "1", uses_database=False),
    Contender("smtplib, 4 connections", "floor", "email", "4", uses_database=False),
    Contender("smtplib, 64 connections", "floor", "email", "64", SLOW, uses_database=False),
    Contender("this project", "ours", "email"),
    Contender("this project, PIPELINING off", "ours", "email", "no pipelining", SLOW),
    Contender("this project, 64 connections", "ours", "email", "64 connections", SLOW),
    Contender("this project, queued mail", "ours", "email", "queued", FAST),
    Contender("post_office, ready text", "rival_post_office", "email"),
    Contender("post_office, strip_tags", "rival_post_office", "email", "strip_tags", FAST),
    Contender("post_office, html2text", "rival_post_office", "email", "html2text", FAST),
    Contender("django-mailer, ready text", "rival_mailer", "email"),
    Contender("django-mailer, strip_tags", "rival_mailer", "email", "strip_tags", FAST),
    Contender("Celery, ready text", "rival_celery", "email", uses_database=False),
    Contender("Celery, strip_tags", "rival_celery", "email", "strip_tags", FAST, False),
    Contender("release 1.5.3", "rival_release", "email"),
    Contender("this project, shared body", "ours", "email", at=FAST, mail="shared"),
    Contender("post_office, shared body", "rival_post_office", "email", at=FAST, mail="shared"),
    Contender("this project, template", "ours", "email", at=FAST, mail="template"),
    Contender("post_office, template", "rival_post_office", "email", at=FAST, mail="template"),
    Contender("this project, 50 KB attached", "ours", "email", at=FAST, mail="attachment"),
    Contender(
        "post_office, 50 KB attached", "rival_post_office", "email", at=FAST, mail="attachment"
    ),
    Contender("this project, printing its blocks", "ours", "email", "printed", FAST),
    Contender("claim and record alone", "ours", "email", "queue alone", FAST),
    Contender(FLOORS["twilio"], "floor", "twilio", "1", SLOW, uses_database=False),
    Contender("requests, 16 connections", "floor", "twilio", "16", SLOW, uses_database=False),
    Contender("this project", "ours", "twilio", at=SLOW),
    Contender("release 1.5.3", "rival_release", "twilio", at=SLOW),
    Contender(FLOORS["expo"], "floor", "expo", "1", FAST, uses_database=False),
    Contender("SDK, 100 a request, 4 connections", "floor", "expo", "4", FAST, uses_database=False),
    Contender("this project", "ours", "expo", at=FAST),
    Contender("release 1.5.3", "rival_release", "expo", at=FAST),
]
#: These meet servers that take a few connections, or requests, at once.
REFUSED = [
    Contender("this project", "ours", "email", at=(5,), takes=3),
    Contender("post_office, ready text", "rival_post_office", "email", at=(5,), takes=3),
    Contender("this project", "ours", "email", at=SLOW, takes=3),
    Contender("this project", "ours", "email", at=SLOW, takes=10),
    Contender("this project", "ours", "email", at=SLOW, takes=50),
    Contender("this project, text messages", "ours", "twilio", at=SLOW, takes=10),
]


def main() -> None:
    options = parsed()
    databases = [name for name in options.database if is_there(name)]
    contenders = chosen(options)
    print(f"{platform.python_implementation()} {platform.python_version()},", end=" ")
    print(f"{os.cpu_count()} processors, load average {load():.1f} at the start", flush=True)
    print_versions(contenders)
    measurements: list[Measurement] = []
    for channel in [name for name in FLOORS if name in options.channel]:
        for latency in options.latency:
            there = [each for each in contenders if each.is_measured(channel, latency)]
            if not there:
                continue
            measured = by_turns(there, databases, latency, options)
            measurements += measured
            print(f"\n{channel}, answers after {latency} ms\n")
            print(section(measured, FLOORS[channel]), flush=True)
    for latency in (5, *SLOW):
        there = [each for each in contenders if each.is_measured("refusing", latency)]
        if there:
            print(f"\nservers that take a few at once, answers after {latency} ms\n")
            print(refusals(by_turns(there, databases, latency, options)), flush=True)
    print(f"\nThe goals, load average {load():.1f} at the end\n")
    print(goals(measurements, databases))


def by_turns(
    contenders: list[Contender], databases: list[str], latency: int, options: argparse.Namespace
) -> list[Measurement]:
    """Measure all contenders in each round, and return each one's best.

    Other work of the machine spoils a round for some, and seldom each round for the same ones.
    """
    rows = [
        (contender, database)
        for contender in contenders
        for database in (databases if contender.uses_database else [""])
    ]
    rounds = [[measure(*row, latency, options) for row in rows] for _ in range(options.rounds)]
    return [best(measured) for measured in zip(*rounds, strict=True)]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    delays = [*FAST, *SLOW]
    parser.add_argument("--latency", type=int, nargs="+", choices=delays, default=delays)
    parser.add_argument(
        "--database", nargs="+", choices=["postgresql", "sqlite"], default=["postgresql", "sqlite"]
    )
    channels = [*FLOORS, "refusing"]
    parser.add_argument("--channel", nargs="+", choices=channels, default=channels)
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="WORD",
        help="a row's whole name, or a word of names or programs",
    )
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="the best of N is shown")
    parser.add_argument("--number", type=int, metavar="N", help="messages of each measurement")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement, about")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[Contender]:
    """Return the contenders that are wanted: a row's whole name means that row alone."""
    there = [each for each in CONTENDERS + REFUSED if each.section in options.channel]
    labels = {each.label for each in there}

    def is_wanted(contender: Contender, wish: str) -> bool:
        if wish in labels:
            return wish == contender.label
        return any(wish in word for word in (contender.program, contender.label, contender.mail))

    return [
        each
        for each in there
        if not options.only or any(is_wanted(each, wish) for wish in options.only)
    ]


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
            "mail": contender.mail,
            "database": entry,
            "smtp_port": smtp_port,
            "http_port": http_port,
            "control_port": control_port,
            "broker_port": free_port(),
            "delay": latency / 1000,
            "most_connections": contender.takes,
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
