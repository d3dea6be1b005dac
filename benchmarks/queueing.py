"""What it costs to queue mail: this app's mail backend, and the backends of its rivals.

    python -m benchmarks.queueing [--database postgresql sqlite] [--rounds 5]

Each backend gets the same messages, once one in a call and once a thousand in a call: a text and
HTML of 2 KB, to addresses that were written to before. Nothing is delivered. A rival that cannot be
installed is named and left out.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

from tests.databases import is_there
from tests.support.scratch_databases import scratch_database

from .delivery.rivals import CannotInstall, interpreter
from .delivery.table import grid, load

PROGRAM = Path(__file__).parent / "delivery" / "contenders" / "queue_calls.py"
ROOT = Path(__file__).resolve().parents[1]
#: The program whose environment is used, by the name of the backend's package.
BACKENDS = {"this app": "ours", "post_office": "rival_post_office", "mailer": "rival_mailer"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", nargs="+", default=["postgresql", "sqlite"])
    parser.add_argument("--rounds", type=int, default=5, help="the best of these counts")
    options = parser.parse_args()
    rows = [("backend", "database", "mails a call", "CPU a mail", "queries a call", "load")]
    for vendor in options.database:
        if not is_there(vendor):
            print(f"{vendor} is left out: no server")
            continue
        for name, program in BACKENDS.items():
            try:
                python = interpreter(program)
            except CannotInstall as reason:
                print(f"{name} is left out: {reason}")
                continue
            for size, cpu, queries in measured(name, python, vendor, options.rounds):
                rows.append(
                    (name, vendor, f"{size:,}", f"{cpu:.2f} ms", f"{queries:,}", f"{load():.1f}")
                )
    print(grid(rows))


def measured(name: str, python: Path, vendor: str, rounds: int) -> list[tuple[int, float, int]]:
    """Measure a backend in a process with a database of its own.

    Args:
        name: A key of ``BACKENDS``.
        python: The interpreter.
        vendor: The database.
        rounds: How often; the best counts.

    Returns:
        For each number of messages in a call: the number, milliseconds of processor time a message,
        and queries a call, the transaction's begin and end among them.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        scratch_database(vendor, Path(folder)) as entry,
    ):
        job = {"name": name, "database": entry, "rounds": rounds}
        environment = {**os.environ, "BENCHMARK_JOB": json.dumps(job)}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        if name == "this app":
            environment["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(
            [python, PROGRAM], env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
    return [tuple(row) for row in json.loads(done.stdout.splitlines()[-1])]


if __name__ == "__main__":
    main()
