"""How long a mail that is due at once takes from the commit to the mail server.

    python -m benchmarks.commit_latency [--number 100] [--way watch rqworker] [--database sqlite]

Single notifications are created, a transaction for every notification, some time apart. The clock
runs from the commit until the sink has the message. ``held up`` is how long the committing process
waits for the engine. Cron is computed, not measured: a minute between two runs, and the time for a
run's start.
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from tests.databases import is_there

from .delivery.table import grid, load
from .project import Project, ask_sink, project
from .watch_latency import INTERVALS, PAUSES, shown
from .workers import CELERY_WORKER, DJANGO, TASKS_WORKERS, environment_of

CRON_SECONDS = 60
#: The worker's command, by the way measured.
WORKERS = {**TASKS_WORKERS, "celery": (*CELERY_WORKER, "--loglevel=ERROR")}
WAYS = ("cron", "watch", *WORKERS)
#: Seconds until a worker is surely ready; the first message waits anyway.
WARM_UP = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=100)
    parser.add_argument("--way", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--database", nargs="+", default=["postgresql"])
    parser.add_argument("--insert", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.insert:
        insert(options.number)
        return
    rows = [("database", "way", "mails", "median", "99 %", "longest", "held up", "load")]
    for vendor in options.database:
        if not is_there(vendor):
            print(f"{vendor} is left out: no server")
            continue
        for way in options.way:
            if way == "celery" and not find_spec("django_notification_system.contrib.celery"):
                print("Celery is left out: this app has no module for it")
                continue
            rows.append((vendor, way, *measure(vendor, way, options.number), f"{load():.1f}"))
            print(*rows[-1], flush=True)
    print(grid(rows))


def measure(vendor: str, way: str, number: int) -> tuple[str, str, str, str, str]:
    with project(vendor) as its_project:
        if way == "cron":
            return reckon(its_project)
        with delivering(its_project, vendor, way):
            answer = its_project.python(
                "-m", "benchmarks.commit_latency", "--insert", "--number", str(number)
            )
    seconds, held_up = json.loads(answer)
    return (
        str(len(seconds)),
        shown(statistics.median(seconds)),
        shown(statistics.quantiles(seconds, n=100, method="inclusive")[98]),
        shown(max(seconds)),
        shown(statistics.median(held_up)),
    )


def reckon(its_project: Project) -> tuple[str, str, str, str, str]:
    """Compute cron's times: a mail waits for the next run, evenly up to a minute."""
    began = time.monotonic()
    its_project.python(*DJANGO, "process_notifications", "--verbosity=0")
    start = time.monotonic() - began
    median, most = (shown(part * CRON_SECONDS + start) for part in (0.5, 0.99))
    return "reckoned", median, most, shown(CRON_SECONDS + start), shown(0)


@contextmanager
def delivering(its_project: Project, vendor: str, way: str) -> Iterator[None]:
    """Run the delivering process, and end it."""
    if way == "watch":
        interval = f"--interval={INTERVALS[vendor]}"
        command: tuple[str, ...] = (*DJANGO, "process_notifications", "-v0", "--watch", interval)
    else:
        its_project.environment.update(environment_of(way))
        its_project.python(*DJANGO, "migrate", "--verbosity=0")
        command = WORKERS[way]
    worker = subprocess.Popen(
        [sys.executable, *command],
        env=its_project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


def insert(number: int) -> None:
    """Create notifications one by one; print the seconds to the sink, and of the hold-up."""
    import django

    django.setup()

    if os.environ.get("BENCHMARK_ENGINE") == "celery":
        # Imported, as a project's own package does.
        from benchmarks import celery_app  # noqa: F401

    from django.db import transaction
    from django.utils import timezone

    from benchmarks.rows import make_records
    from django_notification_system.models import Notification, NotificationTarget

    (record,) = make_records(NotificationTarget.objects.get(notification_module_name="email"), 1)
    control = int(os.environ["BENCHMARK_CONTROL"])
    ask_sink(control, "reset 0")
    chance = random.Random(20261124)
    seconds, held_up, commits = [], [], []
    for index in range(number + WARM_UP):
        time.sleep(chance.uniform(*PAUSES))
        with transaction.atomic():
            # Registered before this app's own callback, so that the engine's time counts. All
            # processes of a machine share the monotonic clock.
            transaction.on_commit(lambda: commits.append(time.monotonic()))
            Notification.objects.create(
                target_user_record=record,
                title=f"Breakfast {index}",
                body="The eggs are ready.",
                status=Notification.SCHEDULED,
                scheduled_delivery=timezone.now(),
            )
        held_up.append(time.monotonic() - commits[-1])
        while (tally := ask_sink(control))["messages"] <= index:
            if time.monotonic() - commits[-1] > 60:
                sys.exit("No message arrived within a minute.")
            time.sleep(0.01)
        seconds.append(tally["last_at"] - commits[-1])
    print(json.dumps([seconds[WARM_UP:], held_up[WARM_UP:]]))


if __name__ == "__main__":
    main()
