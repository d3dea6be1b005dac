"""What a notification costs the database and the processes, in a full table and in partitions.

    python -m benchmarks.growth [--rows 10000000] [--number 30000] [--partitions 0 6 30]

The table is filled with so many delivered notifications, spread over 30 days, in so many partitions
(0: a plain table). Then notifications are created with ``notify()`` and delivered to the sink, step
by step, after a checkpoint for every step, so that the WAL holds as much as for the first step of a
checkpoint's interval. WAL and processor time are the whole server's: use a PostgreSQL without other
users (``TEST_POSTGRESQL_PORT``).
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.databases import is_there

from ..delivery.table import grid, load
from ..project import Project, project
from . import steps
from .fill import EXAMPLES, TABLE, fill, make_originals, midnight, partition, without_indexes
from .server import Reading, Server, Sizes

DAYS = 30
PARTITIONS = [0, 6, 30]


@dataclass(frozen=True)
class Variant:
    """A way to create and deliver.

    Attributes:
        label: The name in the table.
        before, after: SQL that changes a setting, and SQL that undoes the change.
        body: ``short``, or ``same`` for 2 KB of HTML.
        history: Which attempts are kept.
    """

    label: str
    before: str = ""
    after: str = ""
    body: str = "short"
    history: str = "failed"


VARIANTS = [
    Variant("default settings"),
    Variant("2 KB of HTML", body="same"),
    Variant('"HISTORY": "all"', history="all"),
    *(
        Variant(
            f"fillfactor = {percent}",
            f"ALTER TABLE {TABLE} SET (fillfactor = {percent})",
            f"ALTER TABLE {TABLE} RESET (fillfactor)",
        )
        for percent in (80, 50)
    ),
    Variant(
        "wal_compression = on",
        "ALTER DATABASE {name} SET wal_compression = on",
        "ALTER DATABASE {name} RESET wal_compression",
    ),
]


@dataclass(frozen=True)
class Step:
    """The figures of a step.

    Attributes:
        label: The step's name.
        rows: How many notifications.
        server: The server's counts.
        own: The process's own figures.
        load: The load average at the end.
    """

    label: str
    rows: int
    server: Reading
    own: dict[str, Any]
    load: float = field(default_factory=load)

    def cells(self) -> tuple[str, ...]:
        """Return a line of the table: all figures for one notification."""
        server, rows = self.server, self.rows
        return (
            self.label,
            f"{rows:,}",
            f"{self.own.get('queries', 0) / rows:.3f}",
            f"{self.own.get('busy', 0) / rows * 1e6:.0f} µs",
            f"{server.busy / rows * 1e6:.0f} µs",
            f"{server.position / rows:,.0f}",
            f"{server.images / rows:.2f}",
            f"{(server.updates + server.deletes) / rows:.1f}",
            f"{server.hot / server.updates:.0%}" if server.updates else "",
            f"{rows / self.own['seconds']:,.0f}",
            f"{self.load:.1f}",
        )


HEADINGS = (
    "step",
    "number",
    "queries",
    "process",
    "database",
    "WAL bytes",
    "full pages",
    "dead rows",
    "HOT",
    "a second",
    "load",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000, help="delivered ones")
    parser.add_argument("--number", type=int, default=30_000, help="created and delivered anew")
    parser.add_argument("--partitions", nargs="+", type=int, default=PARTITIONS)
    parser.add_argument("--step", choices=steps.STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--body", default="short", help=argparse.SUPPRESS)
    parser.add_argument("--history", default="failed", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        steps.run(options.step, options.number, body=options.body, history=options.history)
        return
    if not is_there("postgresql"):
        sys.exit("There is no PostgreSQL; set TEST_DATABASE_HOST and TEST_POSTGRESQL_PORT.")
    for partitions in options.partitions:
        with project("postgresql") as its_project:
            server = Server(json.loads(its_project.environment["BENCHMARK_DATABASE"]))
            try:
                Layout(partitions, its_project, server, options.rows, options.number).measure()
            finally:
                server.close()


@dataclass
class Layout:
    """A way to keep the notifications, and its measurements."""

    partitions: int
    project: Project
    server: Server
    rows: int
    number: int
    measured: list[Step] = field(default_factory=list)

    def measure(self) -> None:
        print(f"\n{self.rows:,} delivered in {self.partitions} partitions\n", flush=True)
        self.fill()
        for variant in VARIANTS[:1] if self.partitions else VARIANTS:
            with self.set(variant):
                self.step("create", self.number, variant)
                self.step("deliver", self.number, variant)
        self.time_claims()
        self.vacuum("with what these left")
        self.be_rid_of()
        print(f"\n{grid([HEADINGS, *(step.cells() for step in self.measured)])}", flush=True)

    def fill(self) -> None:
        self.project.fill("--number", str(steps.USERS), "--bodies", "short")
        self.project.python(*self.command("deliver", 0, VARIANTS[0]))
        make_originals(self.server, DAYS)
        if self.partitions:
            partition(self.server, DAYS, self.partitions)
        self.server.execute((EXAMPLES / "archive.sql").read_text())
        started = time.monotonic()
        before = self.server.reading()
        with without_indexes(self.server) if self.partitions else nullcontext():
            for done in fill(self.server, self.rows, DAYS):
                print(f"    {done:,} in {time.monotonic() - started:.0f} s", flush=True)
        after = self.server.reading().since(before)
        print(f"    {after.position / max(self.rows, 1):,.0f} bytes of WAL a row")
        self.vacuum("filled")
        show_sizes(self.server.sizes(), {} if self.partitions else self.server.index_sizes())

    @contextmanager
    def set(self, variant: Variant) -> Iterator[None]:
        if variant.before:
            self.server.execute(variant.before.format(name=self.server.name))
        yield
        if variant.after:
            self.server.execute(variant.after.format(name=self.server.name))

    def command(self, step: str, number: int, variant: Variant) -> list[str]:
        options = ["--body", variant.body, "--history", variant.history, "--number", str(number)]
        return ["-m", "benchmarks.growth", "--step", step, *options]

    def step(self, name: str, number: int, variant: Variant = VARIANTS[0]) -> Step:
        self.server.execute("CHECKPOINT")
        before = self.server.reading()
        own = json.loads(self.project.python(*self.command(name, number, variant)))
        counted = self.server.reading().since(before)
        step = Step(f"{name}, {variant.label}", own.get("rows", number), counted, own)
        self.measured.append(step)
        print("   ", *step.cells(), sep="  ", flush=True)
        return step

    def time_claims(self) -> None:
        number = 22 * steps.BATCH
        self.project.python(*self.command("create", number, VARIANTS[0]))
        own = json.loads(self.project.python(*self.command("claim", number, VARIANTS[0])))
        for what, size in (("claim", steps.BATCH), ("record", steps.RECORD_EVERY)):
            print(
                f"    a {what} of {size}: {own[what]:.1f} ms (fastest {own[f'{what}_fastest']:.1f})"
            )
        for kind, plan in own["plans"].items():
            lines = plan.splitlines()
            print(f"    {kind}: {len(lines)} lines of plan")
            print("\n".join(f"        {line[:150]}" for line in lines[:12]), flush=True)

    def vacuum(self, what: str) -> None:
        started = time.monotonic()
        self.server.execute("VACUUM (ANALYZE)")
        print(f"    VACUUM, {what}: {time.monotonic() - started:.1f} s", flush=True)

    def be_rid_of(self) -> None:
        """Of the oldest day, of the next and, with partitions, of the third partition."""
        oldest = midnight(self.server) - timedelta(days=DAYS - 1)
        (hours,) = self.server.one(
            "SELECT floor(extract(epoch FROM now() - %s) / 3600)::int", [oldest]
        )
        self.step("purge", hours)
        self.vacuum("purged")
        self.step("archive", hours - 24)
        if not self.partitions:
            return
        third = (
            midnight(self.server)
            - timedelta(days=DAYS)
            + 2 * timedelta(days=DAYS) / self.partitions
        )
        name = f"{TABLE}_{third:%Y%m%d}"
        (gone,) = self.server.one(
            "SELECT reltuples::bigint FROM pg_class WHERE relname = %s", [name]
        )
        self.server.execute("CHECKPOINT")
        before = self.server.reading()
        started = time.perf_counter()
        self.server.execute("SELECT notification_system_drop_partition(%s)", [name])
        own = {"seconds": time.perf_counter() - started}
        self.measured.append(Step("drop", gone, self.server.reading().since(before), own))
        print(f"    {gone:,} dropped in {own['seconds'] * 1000:.0f} ms", flush=True)


def show_sizes(sizes: Sizes, indexes: dict[str, int]) -> None:
    rows = max(sizes.rows, 1)
    print(f"    {sizes.table / rows:.0f} bytes a row, and {sizes.indexes / rows:.0f} in indexes")
    for name, size in indexes.items():
        print(f"        {name}: {size / rows:.0f}")


if __name__ == "__main__":
    main()
