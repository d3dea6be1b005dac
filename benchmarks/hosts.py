"""Several ``process_notifications --watch`` on one database: fair between targets, and no queues.

    python -m benchmarks.hosts [--processes 1 2 4] [--emails 1000000] [--namespaces]

So many emails are due, and while the processes deliver them, a push comes due every now and then.
The table has the time until the push was delivered, by the notification's own times, the number of
emails sent meanwhile, and the longest wait of any process for a lock of the database. When all
pushes are delivered, the processes are stopped, and the recorded outcomes are compared with the
sink's count.

With ``--namespaces`` every process has a host of its own, see ``namespaces.py``.
"""

import argparse
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.databases import is_there

from . import namespaces
from .delivery.table import grid, load
from .project import Project, ask_sink, project

MOST_SECONDS = 1.0
MOST_LOCK_SECONDS = 0.05
#: How far the pushes are apart, in seconds.
PAUSE_SECONDS = 0.5
HEADINGS = (
    *("database", "processes", "due", "emails/s", "push, median", "longest"),
    *("lock", "load", ""),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", nargs="+", default=["postgresql", "mariadb"])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--emails", type=int, default=100_000, help="how many are due")
    parser.add_argument("--pushes", type=int, default=20)
    parser.add_argument("--latency", type=int, default=0, metavar="MS", help="of the sink")
    parser.add_argument("--namespaces", action="store_true", help="a host for each process")
    parser.add_argument(
        "--no-analyze", action="store_true", help="leave the database without fresh statistics"
    )
    parser.add_argument("--step", choices=list(STEPS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        STEPS[options.step](options)
        return
    rows: list[tuple[str, ...]] = [HEADINGS]
    for vendor in options.database:
        if not is_there(vendor):
            print(f"{vendor} is left out: no server")
            continue
        with project(vendor) as its_project:
            for processes in options.processes:
                fill_up(its_project, options)
                row = (vendor, str(processes), *measure(its_project, processes, options))
                print(*row, flush=True)
                rows.append(row)
    print(grid(rows))


def fill_up(its_project: Project, options: argparse.Namespace) -> None:
    """Fill up the due emails, after an earlier run has delivered some."""
    began = time.monotonic()
    missing = options.emails - ask(its_project, "count")["due"]
    analyze = ["--no-analyze"] if options.no_analyze else []
    its_project.fill("--number", str(missing), "--bodies", "short", *analyze)
    print(f"{missing:,} made in {time.monotonic() - began:.0f} s", flush=True)


def measure(its_project: Project, processes: int, options: argparse.Namespace) -> tuple[str, ...]:
    before = ask(its_project, "count")
    its_project.ask_sink(f"reset {options.latency / 1000}")
    with watching(its_project, processes, options):
        answer = ask(its_project, "push", "--pushes", str(options.pushes))
    after = ask(its_project, "count")
    arrived = int(its_project.ask_sink()["messages"])
    recorded = after["delivered"] - before["delivered"]
    is_reached = max(answer["pushes"]) <= MOST_SECONDS and answer["lock"] <= MOST_LOCK_SECONDS
    verdict = "reached" if is_reached else "NOT reached"
    if not after["due"]:
        verdict = "too few emails"
    if arrived != recorded or after["claimed"]:
        verdict = f"{arrived} arrived, {recorded} recorded, {after['claimed']} still claimed"
    return (
        f"{before['due']:,}",
        f"{answer['rate']:,.0f}",
        f"{statistics.median(answer['pushes']) * 1000:.0f} ms",
        f"{max(answer['pushes']) * 1000:.0f} ms",
        f"{answer['lock'] * 1000:.0f} ms",
        f"{load():.1f}",
        verdict,
    )


@contextmanager
def watching(its_project: Project, number: int, options: argparse.Namespace) -> Iterator[None]:
    """Let so many processes watch, and end them as an init system does."""
    if options.namespaces:
        with namespaces.hosts(its_project, number) as hosts, _watching(hosts):
            yield
    else:
        with _watching([its_project] * number):
            yield


@contextmanager
def _watching(hosts: list[Project]) -> Iterator[None]:
    command = ("-m", "django", "process_notifications", "-v0", "--watch", "--interval", "5")
    processes = [host.start(*command) for host in hosts]
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.communicate(timeout=30)
    if codes := [process.returncode for process in processes if process.returncode]:
        sys.exit(f"Processes ended with {codes}.")


def ask(its_project: Project, step: str, *arguments: str) -> dict[str, Any]:
    """Run a step in a separate process of the project, and return its JSON."""
    return json.loads(its_project.python("-m", "benchmarks.hosts", "--step", step, *arguments))


def count(options: argparse.Namespace) -> None:
    """Print as JSON how many notifications are due, delivered and claimed."""
    import django

    django.setup()

    from django_notification_system.models import Notification

    rows = Notification.objects
    answer = {
        "due": rows.filter(status=Notification.SCHEDULED).count(),
        "delivered": rows.filter(status=Notification.DELIVERED).count(),
        "claimed": rows.filter(claim_token__isnull=False).count(),
    }
    print(json.dumps(answer))


def push(options: argparse.Namespace) -> None:
    """Make pushes while emails are delivered, and print their times as JSON."""
    import django

    django.setup()

    from django.db import connection
    from django.utils import timezone

    from django_notification_system.models import Notification, NotificationTarget

    from .rows import make_records

    target = NotificationTarget.objects.get(notification_module_name="expo")
    (record,) = make_records(target, 1)
    control = int(os.environ["BENCHMARK_CONTROL"])
    while not ask_sink(control)["messages"]:
        time.sleep(0.05)
    started, before = time.monotonic(), ask_sink(control)["messages"]
    seconds, longest_wait = [], LONGEST_WAITS[connection.vendor]()
    for index in range(options.pushes):
        pushed = Notification.objects.create(
            target_user_record=record,
            title=f"Breakfast {index}",
            body="The eggs are ready.",
            status=Notification.SCHEDULED,
            scheduled_delivery=timezone.now(),
        )
        until = time.monotonic() + PAUSE_SECONDS
        rows = Notification.objects.filter(pk=pushed.pk, status=Notification.DELIVERED)
        while time.monotonic() < until or not rows.exists():
            longest_wait.look()
            time.sleep(0.01)
        pushed.refresh_from_db()
        assert pushed.attempted_delivery is not None
        seconds.append((pushed.attempted_delivery - pushed.scheduled_delivery).total_seconds())
    emails = ask_sink(control)["messages"] - before - options.pushes
    answer = {
        "pushes": seconds,
        "lock": longest_wait.seconds,
        "rate": emails / (time.monotonic() - started),
    }
    print(json.dumps(answer))


#: The values of ``--step``; a step is a separate process of the project.
STEPS: dict[str, Callable[[argparse.Namespace], None]] = {"count": count, "push": push}


class LongestWait:
    """The longest wait of any process for a lock of PostgreSQL in this database."""

    STATEMENT = """
    SELECT COALESCE(EXTRACT(EPOCH FROM MAX(clock_timestamp() - locks.waitstart)), 0)
    FROM pg_locks locks JOIN pg_stat_activity activity USING (pid)
    WHERE NOT locks.granted AND activity.datname = current_database()
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def look(self) -> None:
        self.seconds = max(self.seconds, self._seconds_now())

    def _seconds_now(self) -> float:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(self.STATEMENT)
            return float(cursor.fetchone()[-1])


class LongestWaitOfMariaDB(LongestWait):
    """The time of all waits for row locks that ended between two looks.

    MariaDB counts the milliseconds of all waits on the whole server. ``INNODB_TRX`` has the
    beginning of a wait only to the second, and the performance schema, with more detail, is off by
    default.
    """

    STATEMENT = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_time'"

    def __init__(self) -> None:
        super().__init__()
        self._so_far = super()._seconds_now() / 1000

    def _seconds_now(self) -> float:
        before, self._so_far = self._so_far, super()._seconds_now() / 1000
        return self._so_far - before


LONGEST_WAITS = {"postgresql": LongestWait, "mysql": LongestWaitOfMariaDB}


if __name__ == "__main__":
    main()
