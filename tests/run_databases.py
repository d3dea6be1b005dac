"""Runs the tests on SQLite, and on PostgreSQL and MariaDB where present.

The first database has every test, the others the tests that may depend on the database; see
``tests/selection.py``. A run has three processes for two processors; ``tests/order.py`` says why.

``python -m tests.run_databases [arguments for pytest]``

Environment:
    TEST_DATABASES: The databases, such as ``"sqlite postgresql"``; by default all.
    TEST_PROCESSES: How many processes; 0 for pytest's own alone, as with ``--pdb``.
    TEST_REPEATS: The differences from a run with every test, such as ``pair``.
    CI: When set, a missing server is an error.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from tests.databases import DATABASES, is_there
from tests.selection import REPEATS

#: With these options a person looks at a single test; pytest can show it only without processes.
BY_ITSELF = ("--pdb", "--trace", "-s", "--capture=no", "-n", "--numprocesses", "--dist")
#: pytest's exit status where no test was run.
FOUND_NOTHING = 5


def main(pytest_arguments: Sequence[str]) -> str | int:
    """Run pytest for every database.

    Args:
        pytest_arguments: The arguments for pytest.

    Returns:
        The argument of ``sys.exit()``: 0, or the databases with failures.
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
    # With this variable, a thousand processes would compile the app again, and pytest all tests.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    code = subprocess.run(command, env=environment).returncode
    if code == FOUND_NOTHING and not is_first:
        return True  # the selected tests depend on no database, and ran on the first
    return code == 0


def _processes(pytest_arguments: Sequence[str]) -> list[str]:
    """Return the arguments that make pytest share the tests out among processes."""
    if any(argument.split("=")[0] in BY_ITSELF for argument in pytest_arguments):
        return []
    processors = os.cpu_count() or 1
    number = os.environ.get("TEST_PROCESSES") or str(processors + (processors + 1) // 2)
    return [f"--numprocesses={number}", "--dist=loadfile", "--no-loadscope-reorder"]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
