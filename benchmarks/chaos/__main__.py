"""The promises while everything breaks.

``python -m benchmarks.chaos`` breaks processes, notifications, provider, database and clocks, on
every database found. The program counts lost messages and copies, compares the counts with
docs/explanation/promises, and exits with 1 where a promise is broken.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import astuple

from tests.databases import DATABASES, is_there

TITLES = ("scenario", "database", "due", "blows", "lost", "copies", "allowed", "seconds", "")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", help="some of them; by default all")
    parser.add_argument("--database", choices=list(DATABASES), help="one of them; by default all")
    parser.add_argument("--short", action="store_true", help="a tenth of it")
    parser.add_argument("--seed", type=int, default=20261128)
    parser.add_argument("--seconds", type=float, default=240, help="of one scenario, at the most")
    options = parser.parse_args(arguments)
    if options.database is None:
        # The tests' settings know one database, so every database has a separate process.
        there = [name for name in DATABASES if is_there(name)]
        command = [sys.executable, "-m", "benchmarks.chaos", *arguments, "--database"]
        print(line(TITLES), flush=True)
        return max(subprocess.call([*command, name]) for name in there)
    os.environ["TEST_DATABASE"] = options.database
    return weather(options)


def weather(options: argparse.Namespace) -> int:
    """Go through the scenarios on one database."""
    from tests.reports import remove_shared

    from .scenarios import SCENARIOS
    from .storm import Figures, storm

    worst = 0
    for name, (scenario, in_full, in_short) in SCENARIOS.items():
        if options.scenarios and name not in options.scenarios:
            continue
        figures = Figures(name, options.database)
        with storm(figures, seed=options.seed, seconds=options.seconds) as made:
            scenario(made, in_short if options.short else in_full)
        *counts, seconds, problems = astuple(figures)
        print(line([*counts, f"{seconds:.0f}", "; ".join(problems) or "as promised"]), flush=True)
        worst = max(worst, 0 if figures.is_good else 1)
    remove_shared()
    return worst


def line(cells: Sequence[object]) -> str:
    widths = (10, 11, 6, 6, 5, 7, 8, 8, 0)
    return " ".join(
        f"{cell!s:<{width}}" for cell, width in zip(cells, widths, strict=True)
    ).rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
