"""Runs the tests on SQLite, and on PostgreSQL and MariaDB where they are there.

The first database has every test, the others those that may depend on the database; see
``tests/selection.py``. Each has as many processes as the machine has processors.

``python -m tests.run_databases [arguments for pytest]``

Environment:
    TEST_DATABASES: Which to run on, such as ``"sqlite postgresql"``; by default all.
    TEST_PROCESSES: How many processes; 0 for none beside pytest's own, as with ``--pdb``.
    TEST_REPEATS: In what this differs from a run that has had every test, such as ``pair``.
    CI: When set, a server that is not there is an error.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from tests.databases import DATABASES, is_there
from tests.selection import REPEATS

#: With these a person looks at one test, which pytest can show only where it runs it by itself.
BY_ITSELF = ("--pdb", "--trace", "-s", "--capture=no", "-n", "--numprocesses", "--dist")
#: What pytest exits with where no test was run.
FOUND_NOTHING = 5


def main(pytest_arguments: Sequence[str]) -> str | int:
    """Run pytest once for each database.

    Returns:
        What ``sys.exit()`` takes: 0, or what failed.
    """
    names = os.environ.get("TEST_DATABASES", "").split() or list(DATABASES)
    if unknown := set(names) - set(DATABASES):
        return f"TEST_DATABASES names {sorted(unknown)}; the databases are {list(DATABASES)}."
    failed = [
        name
        for position, name in enumerate(names)
        if not _run(name, pytest_arguments, is_first=position == 0)
    ]
    return f"Failed on: {', '.join(failed)}" if failed else 0


def _run(name: str, pytest_arguments: Sequence[str], *, is_first: bool) -> bool:
    if not is_there(name):
        server = f"{DATABASES[name]['HOST']}:{DATABASES[name]['PORT']}"
        print(f"\n{name}: no server at {server}, so nothing was run on it.", flush=True)
        return not os.environ.get("CI")
    print(f"\nTests on {name}", flush=True)
    command = [sys.executable, "-m", "pytest", *_processes(pytest_arguments), *pytest_arguments]
    repeats = f"{os.environ.get(REPEATS, '')} {'' if is_first else 'database'}".strip()
    environment = {**os.environ, "TEST_DATABASE": name, REPEATS: repeats}
    # Where it is set, each of a thousand processes compiles the app, and pytest all of its tests.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    code = subprocess.run(command, env=environment).returncode
    if code == FOUND_NOTHING and not is_first:
        return True  # what was asked for depends on no database, and the first has had it
    return code == 0


def _processes(pytest_arguments: Sequence[str]) -> list[str]:
    """Return the arguments by which pytest shares the tests out among processes."""
    if any(argument.split("=")[0] in BY_ITSELF for argument in pytest_arguments):
        return []
    number = os.environ.get("TEST_PROCESSES") or str(os.cpu_count() or 1)
    return [f"--numprocesses={number}", "--dist=worksteal"]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
