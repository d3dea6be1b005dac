"""The peak memory of ``process_notifications``, with more and more notifications due.

    python -m benchmarks.memory [--largest 200000] [--database postgresql sqlite]
                                [--bodies same different]

A figure is the peak of resident memory of a process without other work. Blocks are printed, to
nowhere. Mails are 2 KB of HTML, all the same or all different.
"""

import argparse
import os
import re
import time
from pathlib import Path

from tests.databases import is_there

from .delivery.table import grid, load
from .project import project

NUMBERS = (1_000, 20_000, 200_000)
MOST_MEGABYTES = 20.0
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, default=NUMBERS[-1], help="how many are due")
    parser.add_argument("--database", nargs="+", default=["postgresql", "sqlite"])
    parser.add_argument("--bodies", nargs="+", default=["same"], choices=["same", "different"])
    parser.add_argument("--channel", default="email", choices=["email", "expo"])
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work()
        return
    numbers = [number for number in NUMBERS if number < options.largest] + [options.largest]
    rows = [("database", "bodies", "due", "peak", "more than the first", "took", "load", "")]
    for vendor in options.database:
        if not is_there(vendor):
            print(f"{vendor} is left out: no server")
            continue
        for bodies in options.bodies:
            rows += measure(vendor, bodies, numbers, options.channel)
    print(grid(rows))


def measure(
    vendor: str, bodies: str, numbers: list[int], channel: str
) -> list[tuple[str, str, str, str, str, str, str, str]]:
    rows = []
    first = 0.0
    for number in numbers:
        with project(vendor) as its_project:
            its_project.ask_sink("reset 0")
            its_project.fill("--number", str(number), "--bodies", bodies, "--channel", channel)
            started = time.monotonic()
            peak = float(its_project.python("-m", "benchmarks.memory", "--worker"))
            seconds = time.monotonic() - started
            arrived = its_project.ask_sink()["messages"]
        first = first or peak
        more = peak - first
        problem = "" if arrived == number else f"only {arrived:.0f} arrived"
        if more > MOST_MEGABYTES:
            problem = problem or f"NOT within {MOST_MEGABYTES:g} MB"
        rows.append(
            (
                *(vendor, bodies, f"{number:,}", f"{peak:.1f} MB", f"{more:+.1f} MB"),
                *(f"{seconds:.0f} s", f"{load():.1f}", problem),
            )
        )
        print(*rows[-1], flush=True)
    return rows


def work() -> None:
    """Deliver all due notifications, and print this process's peak in megabytes."""
    import django

    django.setup()

    from django.core.management import call_command

    with open(os.devnull, "w") as nowhere:
        call_command("process_notifications", stdout=nowhere, stderr=nowhere)
    # Not getrusage(): its peak begins with the parent process's.
    peak = PEAK.search(Path("/proc/self/status").read_text())
    assert peak is not None
    print(int(peak[1]) / 1024)


if __name__ == "__main__":
    main()
