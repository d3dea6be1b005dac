"""How long ``process_notifications --watch`` takes from a due insert to the provider.

    python -m benchmarks.watch_latency [--number 100] [--channel email expo]
                                       [--database postgresql sqlite]

Single notifications are inserted some time apart. The clock runs from the answer to the commit
until the sink has the message. On PostgreSQL the insert wakes the process; elsewhere the process
looks once a second. ``--queries`` shows the queries of a look with nothing due.
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import time

from tests.databases import is_there

from .delivery.table import grid, load
from .project import ask_sink, project

INTERVALS = {"postgresql": "5", "mariadb": "1", "sqlite": "1"}
MOST_SECONDS = 0.1
#: Seconds between the inserts: at random, so that no insert keeps time with the interval.
PAUSES = (0.1, 0.6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=100)
    parser.add_argument("--channel", nargs="+", default=["email", "expo"])
    parser.add_argument("--database", nargs="+", default=["postgresql", "sqlite"])
    parser.add_argument("--queries", action="store_true", help="show those of a look for nothing")
    parser.add_argument("--insert", metavar="CHANNEL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.insert:
        insert(options.insert, options.number)
        return
    rows = [("database", "channel", "inserts", "median", "99 %", "longest", "load", "")]
    for vendor in options.database:
        if not is_there(vendor):
            print(f"{vendor} is left out: no server")
            continue
        for channel in options.channel:
            rows.append(measure(vendor, channel, options))
            print(*rows[-1], flush=True)
    print(grid(rows))


def measure(
    vendor: str, channel: str, options: argparse.Namespace
) -> tuple[str, str, str, str, str, str, str, str]:
    with project(vendor) as its_project:
        if options.queries:
            print(its_project.python("-c", LOOK), flush=True)
        watch = its_project.start(
            *("-m", "django", "process_notifications", "--verbosity=0"),
            *("--watch", "--interval", INTERVALS[vendor]),
        )
        try:
            answer = its_project.python(
                *("-m", "benchmarks.watch_latency"),
                *("--insert", channel, "--number", str(options.number)),
            )
        finally:
            watch.send_signal(signal.SIGTERM)
            watch.communicate(timeout=20)
    seconds = sorted(json.loads(answer))
    longest = seconds[-1]
    verdict = ""
    if vendor == "postgresql":
        verdict = "reached" if longest <= MOST_SECONDS else f"NOT within {MOST_SECONDS * 1000:g} ms"
    return (
        *(vendor, channel, str(len(seconds))),
        shown(statistics.median(seconds)),
        shown(statistics.quantiles(seconds, n=100, method="inclusive")[98]),
        shown(longest),
        f"{load():.1f}",
        verdict,
    )


def shown(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def insert(channel: str, number: int) -> None:
    """Insert notifications one by one; print the seconds until the sink had them."""
    import django

    django.setup()

    from django.utils import timezone

    from benchmarks.rows import make_records
    from django_notification_system.models import Notification, NotificationTarget

    target = NotificationTarget.objects.get(notification_module_name=channel)
    (record,) = make_records(target, 1)
    control = int(os.environ["BENCHMARK_CONTROL"])
    ask_sink(control, "reset 0")
    chance = random.Random(20261124)
    seconds = []
    for index in range(number + 1):
        time.sleep(chance.uniform(*PAUSES))
        Notification.objects.create(
            target_user_record=record,
            title=f"Breakfast {index}",
            body="The eggs are ready.",
            status=Notification.SCHEDULED,
            scheduled_delivery=timezone.now(),
        )
        # All processes of a machine share the monotonic clock.
        committed = time.monotonic()
        while (tally := ask_sink(control))["messages"] <= index:
            if time.monotonic() - committed > 30:
                sys.exit("No message arrived within 30 seconds.")
            time.sleep(0.01)
        seconds.append(tally["last_at"] - committed)
    # The first waits for the start of the watching process.
    print(json.dumps(seconds[1:]))


LOOK = """
import time
import django
django.setup()
from collections import deque
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_notification_system.delivery.runs.run import Run
deque(Run(), maxlen=0)
started = time.perf_counter()
deque(Run(), maxlen=0)
print(f"a run with nothing due takes {(time.perf_counter() - started) * 1000:.1f} ms")
with CaptureQueriesContext(connection) as queries:
    deque(Run(), maxlen=0)
for query in queries:
    print(f"    {query['time']} s  {query['sql'][:150]}")
"""


if __name__ == "__main__":
    main()
