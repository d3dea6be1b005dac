"""How much faster two and four processes empty a queue than one process does.

    python -m benchmarks.processes [--engine celery rqworker] [--latency 0 50] [--processes 1 2 4]

The queue is filled, all processes are started and wait for each other, and then the clock runs
until the last process has ended. The sink counts whether every message arrived once. Sink, database
and processes share the machine's processors; the table has their shares. ``limit`` is the ratio
with all processors busy, if a message always cost the processors the same as with one process.

With another ``--engine`` the processes are workers of Celery, or of a backend of Django's Tasks.
The workers are waiting when the first batches are handed over, by a process whose start counts; the
clock stops when the sink has the last message. TEST_REDIS_HOST and similar variables name Celery's
broker: see ``tests/support/brokers.py``.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.databases import is_there
from tests.support.brokers import URLS

from .delivery.table import grid, load
from .project import Project, project
from .workers import CELERY_WORKER, DJANGO, TASKS_WORKERS, environment_of

#: How many messages a process gets, by the sink's delay in milliseconds: several batches at least,
#: because a process that claims the last of the queue leaves the others without work.
NUMBERS = {0: 10_000, 5: 2_000, 50: 1_000}
FEWEST = 1_000
LEAST_RATIO = 1.7
ENGINES = ("run", "celery", *TASKS_WORKERS)
#: Seconds until workers without a message about their start are surely ready.
WARM_UP_SECONDS = 5
#: In the first line of /proc/stat: idle, and waiting for the disk. The user's column contains the
#: guest's.
IDLE_COLUMNS = (3, 4)
COLUMNS = 8


@dataclass(frozen=True)
class Measurement:
    """The figures of so many processes.

    Attributes:
        seconds: From the start of all processes to the end of the last.
        workers, sink, rest: The processors' time, in processors; the rest is the database's and the
            machine's other work.
    """

    processes: int
    messages: int
    seconds: float
    workers: float
    sink: float
    rest: float
    load: float

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    @property
    def busy(self) -> float:
        return self.workers + self.sink + self.rest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 50], metavar="MS")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--database", nargs="+", default=["postgresql", "mariadb"])
    parser.add_argument("--channel", default="email", choices=["email", "expo"])
    parser.add_argument("--number", type=int, help="messages for each process")
    parser.add_argument("--engine", nargs="+", default=["run"], choices=ENGINES)
    parser.add_argument("--broker", default="redis", choices=list(URLS))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work()
        return
    for engine in options.engine:
        by = {"run": "process_notifications", "celery": f"Celery on {options.broker}"}
        print(f"\n{os.cpu_count()} processors, {options.channel}, {by.get(engine, engine)}")
        for vendor in options.database:
            if is_there(vendor):
                measure_all(vendor, engine, options)
            else:
                print(f"{vendor} is left out: no server")


def measure_all(vendor: str, engine: str, options: argparse.Namespace) -> None:
    for latency in options.latency:
        each = options.number or NUMBERS.get(latency, FEWEST)
        measured = []
        for processes in options.processes:
            number = processes * each
            with project(vendor) as its_project:
                its_project.fill("--number", str(number), "--channel", options.channel)
                if engine == "run":
                    measured.append(measure(its_project, processes, number, latency))
                    continue
                if engine == "celery":
                    its_project.environment["BENCHMARK_BROKER"] = URLS[options.broker]
                    its_project.environment["BENCHMARK_QUEUE"] = f"benchmark_{uuid4().hex}"
                else:
                    its_project.environment.update(environment_of(engine))
                    its_project.python(*DJANGO, "migrate", "--verbosity=0")
                measured.append(measure_engine(its_project, engine, processes, number, latency))
        print(f"\n{vendor}, answers after {latency} ms\n\n{table(measured)}", flush=True)


def measure(its_project: Project, processes: int, number: int, latency: int) -> Measurement:
    workers = [
        its_project.start("-m", "benchmarks.processes", "--worker") for _ in range(processes)
    ]
    for worker in workers:
        line_of(worker)  # the worker is ready
    before = its_project.ask_sink(f"reset {latency / 1000}")
    machine_before = busy_seconds()
    started = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    own = sum(float(line_of(worker)) for worker in workers)
    seconds = time.perf_counter() - started
    machine = busy_seconds() - machine_before
    after = its_project.ask_sink()
    for worker in workers:
        worker.communicate()
    if after["messages"] != number:
        sys.exit(f"{after['messages']:.0f} messages of {number} arrived.")
    sink = after["busy"] - before["busy"]
    return Measurement(
        processes,
        number,
        seconds,
        own / seconds,
        sink / seconds,
        max(0.0, machine - own - sink) / seconds,
        load(),
    )


def measure_engine(
    project: Project, engine: str, workers: int, number: int, latency: int
) -> Measurement:
    started_workers = [start_worker(project, engine) for _ in range(workers)]
    if engine == "celery":
        for worker in started_workers:
            wait_until_ready(worker)
    else:
        time.sleep(WARM_UP_SECONDS)
    before = project.ask_sink(f"reset {latency / 1000}")
    machine_before = busy_seconds()
    started = time.perf_counter()
    handing_over = project.start(*HAND_OVER["celery" if engine == "celery" else "tasks"])
    deadline = started + 300
    while (after := project.ask_sink())["messages"] < number and time.perf_counter() < deadline:
        time.sleep(0.02)
    seconds = time.perf_counter() - started
    machine = busy_seconds() - machine_before
    own = sum(seconds_of_session(worker.pid) for worker in started_workers)
    handing_over.communicate()
    for worker in started_workers:
        os.killpg(worker.pid, signal.SIGTERM)
        worker.wait()
    if project.ask_sink()["messages"] != number:
        sys.exit(f"{project.ask_sink()['messages']:.0f} messages of {number} arrived.")
    sink = after["busy"] - before["busy"]
    rest = max(0.0, machine - own - sink)
    return Measurement(
        workers, number, seconds, own / seconds, sink / seconds, rest / seconds, load()
    )


HAND_OVER_TO_CELERY = """
import django; django.setup()
from benchmarks.celery_app import app
from django_notification_system.contrib.celery.tasks import send
from django_notification_system.delivery.handover import hand_over_due
hand_over_due(send)
"""
HAND_OVER = {
    "celery": ("-c", HAND_OVER_TO_CELERY),
    "tasks": (*DJANGO, "hand_over_notifications", "-v0"),
}


def start_worker(project: Project, engine: str) -> "subprocess.Popen[str]":
    if engine == "celery":
        # On RabbitMQ two workers with the same name would claim the same queue for remote control.
        name = f"benchmark_{uuid4().hex}@%h"
        command = (*CELERY_WORKER, "--loglevel=INFO", "-n", name)
    else:
        command = TASKS_WORKERS[engine]
    return subprocess.Popen(
        [sys.executable, *command],
        env={**project.environment, "C_FORCE_ROOT": "1"},
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if engine == "celery" else subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_until_ready(worker: "subprocess.Popen[str]") -> None:
    assert worker.stderr is not None
    for line in worker.stderr:
        if line.rstrip().endswith("ready."):
            # Nobody reads the rest of the output, and a full pipe would hold up the worker.
            threading.Thread(target=worker.stderr.read, daemon=True).start()
            return
    sys.exit("A worker has died.")


def seconds_of_session(leader: int) -> float:
    """Return the processors' seconds of a worker and its child, the start included."""
    listed = subprocess.run(["ps", "-eo", "sess=,pid="], capture_output=True, text=True).stdout
    ticks = 0
    for line in listed.splitlines():
        session, process = map(int, line.split())
        if session == leader:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def line_of(worker: "subprocess.Popen[str]") -> str:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        sys.exit("A worker has died; its last words are above.")
    return line


def busy_seconds() -> float:
    """Return the busy seconds of all processors since the machine's start."""
    with open("/proc/stat") as lines:
        times = [int(word) for word in lines.readline().split()[1 : 1 + COLUMNS]]
    busy = sum(times) - sum(times[column] for column in IDLE_COLUMNS)
    return busy / os.sysconf("SC_CLK_TCK")


def work() -> None:
    """Get ready, wait for the word, deliver all due notifications, and print the times."""
    import django

    django.setup()

    from django.core.management import call_command
    from django.db import connection

    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    before = time.process_time()
    with open(os.devnull, "w") as nowhere:
        call_command("process_notifications", stdout=nowhere, stderr=nowhere)
    print(json.dumps(time.process_time() - before), flush=True)


def table(measured: list[Measurement]) -> str:
    """Return the measurements as a table; ratio and limit are multiples of one process."""
    headings = [
        "processes",
        "messages",
        "messages/s",
        "ratio",
        "limit",
        "workers",
        "sink",
        "rest",
        "load",
    ]
    rows = [(*headings, "")]
    alone = next((each for each in measured if each.processes == 1), None)
    for each in measured:
        ratio = each.rate / alone.rate if alone else 0.0
        limit = (os.cpu_count() or 1) / alone.busy if alone else 0.0
        verdict = "reached" if ratio >= LEAST_RATIO else f"NOT {LEAST_RATIO} times"
        rows.append(
            (
                str(each.processes),
                f"{each.messages:,}",
                f"{each.rate:,.0f}",
                f"{ratio:.2f}" if alone else "",
                f"{limit:.2f}" if alone else "",
                *(f"{busy:.0%}" for busy in (each.workers, each.sink, each.rest)),
                f"{each.load:.1f}",
                verdict if alone and each.processes == 2 else "",
            )
        )
    return grid(rows)


if __name__ == "__main__":
    main()
