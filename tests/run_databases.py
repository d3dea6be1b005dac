"""Runs the tests on SQLite, and on PostgreSQL and MariaDB where they are there.

``python -m tests.run_databases [arguments for pytest]``

Environment:
    TEST_DATABASES: Which to run on, such as ``"sqlite postgresql"``; by default all.
    CI: When set, a server that is not there is an error.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from tests.databases import DATABASES, is_there


def main(pytest_arguments: Sequence[str]) -> str | int:
    """Run pytest once for each database.

    Returns:
        What ``sys.exit()`` takes: 0, or what failed.
    """
    names = os.environ.get("TEST_DATABASES", "").split() or list(DATABASES)
    if unknown := set(names) - set(DATABASES):
        return f"TEST_DATABASES names {sorted(unknown)}; the databases are {list(DATABASES)}."
    failed = [name for name in names if not _run(name, pytest_arguments)]
    return f"Failed on: {', '.join(failed)}" if failed else 0


def _run(name: str, pytest_arguments: Sequence[str]) -> bool:
    if not is_there(name):
        server = f"{DATABASES[name]['HOST']}:{DATABASES[name]['PORT']}"
        print(f"\n{name}: no server at {server}, so nothing was run on it.", flush=True)
        return not os.environ.get("CI")
    print(f"\nTests on {name}", flush=True)
    command = [sys.executable, "-m", "pytest", *pytest_arguments]
    return subprocess.run(command, env={**os.environ, "TEST_DATABASE": name}).returncode == 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
