"""Several ``process_notifications --watch`` on one PostgreSQL: fair between targets, and no queues.

    python -m benchmarks.hosts [--processes 1 2 4] [--emails 100000] [--pushes 20]

So many emails are due, and while the processes deliver them, a push comes due every now and then.
The table says how long it took until the push was delivered, by the notification's own times, how
many emails went out meanwhile, and the longest that any of the processes was seen to wait for a
lock of the database.
"""

import argparse
import json
import signal
import statistics
import sys
import time

from tests.databases import is_there

from .delivery.table import grid, load
from .project import Project, project

MOST_SECONDS = 1.0
MOST_LOCK_SECONDS = 0.05
#: How far the pushes are apart, in seconds.
PAUSE_SECONDS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--emails", type=int, default=100_000)
    parser.add_argument("--pushes", type=int, default=20)
    parser.add_argument("--push", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.push:
        push(options.pushes)
        return
    if not is_there("postgresql"):
        sys.exit("There is no PostgreSQL.")
    rows: list[tuple[str, ...]] = [
        ("processes", "emails due", "emails/s", "push, median", "longest", "lock", "load", "")
    ]
    for processes in options.processes:
        with project("postgresql") as its_project:
            its_project.fill("--number", str(options.emails), "--bodies", "short")
            rows.append(measure(its_project, processes, options))
            print(*rows[-1], flush=True)
    print(grid(rows))


def measure(its_project: Project, processes: int, options: argparse.Namespace) -> tuple[str, ...]:
    watching = [
        its_project.start(
            *("-m", "django", "process_notifications", "--verbosity=0"),
            *("--watch", "--interval", "5"),
        )
        for _ in range(processes)
    ]
    try:
        answer = json.loads(
            its_project.python("-m", "benchmarks.hosts", "--push", "--pushes", str(options.pushes))
        )
    finally:
        for process in watching:
            process.send_signal(signal.SIGTERM)
        for process in watching:
            process.communicate(timeout=30)
    is_reached = max(answer["pushes"]) <= MOST_SECONDS and answer["lock"] <= MOST_LOCK_SECONDS
    verdict = "reached" if is_reached else "NOT reached"
    if not answer["left"]:
        verdict = "too few emails"
    return (
        str(processes),
        f"{options.emails:,}",
        f"{answer['rate']:,.0f}",
        f"{statistics.median(answer['pushes']) * 1000:.0f} ms",
        f"{max(answer['pushes']) * 1000:.0f} ms",
        f"{answer['lock'] * 1000:.0f} ms",
        f"{load():.1f}",
        verdict,
    )


def push(number: int) -> None:
    """Make pushes while emails are delivered, and print what came of them as JSON."""
    import django

    django.setup()

    from django.db import connection
    from django.utils import timezone

    from django_notification_system.models import Notification, NotificationTarget

    from .rows import make_records

    target = NotificationTarget.objects.get(notification_module_name="expo")
    (record,) = make_records(target, 1)
    emails = Notification.objects.filter(target__notification_module_name="email")
    while not emails.filter(status=Notification.DELIVERED).exists():
        time.sleep(0.05)
    started, before = time.monotonic(), emails.filter(status=Notification.DELIVERED).count()
    seconds, longest_lock = [], 0.0
    for index in range(number):
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
            with connection.cursor() as cursor:
                cursor.execute(LONGEST_LOCK)
                longest_lock = max(longest_lock, float(cursor.fetchone()[0]))
            time.sleep(0.01)
        pushed.refresh_from_db()
        assert pushed.attempted_delivery is not None
        seconds.append((pushed.attempted_delivery - pushed.scheduled_delivery).total_seconds())
    elapsed = time.monotonic() - started
    after = emails.filter(status=Notification.DELIVERED).count()
    answer = {
        "pushes": seconds,
        "lock": longest_lock,
        "rate": (after - before) / elapsed,
        "left": emails.filter(status=Notification.SCHEDULED).count(),
    }
    print(json.dumps(answer))


LONGEST_LOCK = """
SELECT COALESCE(EXTRACT(EPOCH FROM MAX(clock_timestamp() - locks.waitstart)), 0)
FROM pg_locks locks JOIN pg_stat_activity activity USING (pid)
WHERE NOT locks.granted AND activity.datname = current_database()
"""


if __name__ == "__main__":
    main()
