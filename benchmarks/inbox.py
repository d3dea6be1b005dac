"""How long a page of the inbox takes for somebody with a million items among ten million.

    python -m benchmarks.inbox [--items 10000000] [--largest 1000000] [--database mariadb]

A page is the newest twenty items and the capped number of unread items. One person has a tenth of
all items, the others a thousand each. The median of fifty pages counts, all warm.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.databases import is_there

from .project import Project, project

DATABASES = ["postgresql", "mariadb"]
OF_OTHERS = 1000
AT_ONCE = 500_000
PAGES = 50

#: Rows of numbers, and a key made of a number.
NUMBERS = {
    "postgresql": "generate_series({first}, {last}) AS numbers(n)",
    "mysql": "(SELECT seq AS n FROM seq_{first}_to_{last}) AS numbers",
}
KEY = {
    "postgresql": "LPAD(TO_HEX({0}), 32, '0')::uuid",
    "mysql": "LPAD(HEX({0}), 32, '0')",
}
MOMENT = {
    "postgresql": "NOW() - {0} * INTERVAL '1 second'",
    "mysql": "UTC_TIMESTAMP(6) - INTERVAL {0} SECOND",
}
EVENTS = """
    INSERT INTO notification_system_inbox_event
        (id, title, body, url, data, created,
         actor_object_id, about_object_id, action_object_object_id)
    SELECT {key}, 'Breakfast is ready', 'Come while it is hot.', '/breakfast/', '{{}}', {moment},
        '', '', ''
    FROM {numbers}
"""
#: Three of ten items are unread, one is archived.
ITEMS = """
    INSERT INTO notification_system_inbox_item (user_id, event_id, state, visible_from)
    SELECT {user}, {key}, CASE WHEN n % 10 < 3 THEN 0 WHEN n % 10 < 9 THEN 1 ELSE 2 END, {moment}
    FROM {numbers}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=10_000_000)
    parser.add_argument("--largest", type=int, default=1_000_000, help="of one person")
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.items, options.largest)
        return
    for vendor in options.database:
        if is_there(vendor):
            show(vendor, options.items, options.largest)
        else:
            print(f"{vendor} is left out: no server")


def show(vendor: str, items: int, largest: int) -> None:
    with project(vendor) as its_project:
        its_project.environment["BENCHMARK_INBOX"] = "1"
        its_project.python("-m", "django", "migrate", "--verbosity=0")
        found = measured(its_project, items, largest)
    print(
        f"{vendor}, {found['items']:,} items (filled in {found['filled']:.0f} s):"
        f" load {os.getloadavg()[0]:.1f}"
    )
    for name, row in found["rows"].items():
        print(
            f"    {name:<28} {row['queries']} queries, median {row['median']:.1f} ms,"
            f" longest {row['longest']:.1f} ms",
            flush=True,
        )


def measured(its_project: Project, items: int, largest: int) -> dict[str, Any]:
    arguments = ("--measure", "--items", str(items), "--largest", str(largest))
    found: dict[str, Any] = json.loads(its_project.python("-m", "benchmarks.inbox", *arguments))
    return found


def measure(items: int, largest: int) -> None:
    """Fill the tables and print the figures as JSON."""
    import django

    django.setup()

    from django_notification_system.contrib.inbox.models import InboxItem

    started = time.monotonic()
    reader, usual = fill(items, largest)
    filled = time.monotonic() - started
    of_reader = InboxItem.objects.of(reader)
    cursor = of_reader.newest(20)[-1].cursor
    rows = {
        f"{largest:,} items: page": timed(lambda: page(reader)),
        f"{largest:,} items: next page": timed(lambda: of_reader.newest(20, before=cursor)),
        f"{OF_OTHERS:,} items: page": timed(lambda: page(usual)),
    }
    print(json.dumps({"items": InboxItem.objects.count(), "filled": filled, "rows": rows}))


def page(reader: Any) -> None:
    from django_notification_system.contrib.inbox.models import InboxItem

    InboxItem.objects.of(reader).newest(20)
    InboxItem.objects.unread_count(reader)


def timed(act: Callable[[], Any], times: int = PAGES) -> dict[str, float]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    act()
    with CaptureQueriesContext(connection) as queries:
        act()
    took = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        took.append((time.perf_counter() - started) * 1000)
    return {"queries": len(queries), "median": statistics.median(took), "longest": max(took)}


def fill(items: int, largest: int) -> tuple[Any, Any]:
    """Make users, events and items; return the reader with the most items, and another."""
    from django.contrib.auth.models import User
    from django.db import connection

    vendor = connection.vendor
    number = (items - largest) // OF_OTHERS
    users = [User(pk=each, username=f"egg {each}") for each in range(1, number + 2)]
    User.objects.bulk_create(users, batch_size=1000)
    first, *_, last = User.objects.order_by("pk")
    with connection.cursor() as cursor:
        for numbers in parts(vendor, largest):
            key, moment = KEY[vendor].format("n"), MOMENT[vendor].format("n")
            cursor.execute(EVENTS.format(key=key, moment=moment, numbers=numbers))
            cursor.execute(ITEMS.format(user=first.pk, key=key, moment=moment, numbers=numbers))
        for numbers in parts(vendor, number * OF_OTHERS):
            # Each event has some readers; none has an event twice.
            whole = f"(n DIV {OF_OTHERS})" if vendor == "mysql" else f"(n / {OF_OTHERS})"
            event = f"(n * 7 % {largest} + 1)"
            cursor.execute(
                ITEMS.format(
                    user=f"{first.pk} + 1 + ({whole} % {number})",
                    key=KEY[vendor].format(event),
                    moment=MOMENT[vendor].format("n % 1000000"),
                    numbers=numbers,
                )
            )
        for table in ("event", "item"):
            verb = "ANALYZE TABLE" if vendor == "mysql" else "VACUUM ANALYZE"
            cursor.execute(f"{verb} notification_system_inbox_{table}")
    return first, last


def parts(vendor: str, number: int) -> Iterator[str]:
    for first in range(1, number + 1, AT_ONCE):
        yield NUMBERS[vendor].format(first=first, last=min(first + AT_ONCE - 1, number))


if __name__ == "__main__":
    main()
