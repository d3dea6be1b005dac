"""Run Python in a separate process, for projects with settings of their own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

#: The variables of the tests' environment that every program needs.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "COVERAGE_PROCESS_START")


def run_python(
    *arguments: str,
    folder: Path,
    environment: Mapping[str, str],
    python: str | Path = sys.executable,
) -> subprocess.CompletedProcess[str]:
    """Run Python to its end, within a quarter of an hour.

    Args:
        arguments: The arguments after the interpreter's name.
        folder: The working directory, also for imports.
        environment: Added to the variables that every program needs.
        python: The interpreter; by default the tests' own.
    """
    return subprocess.run(
        [python, *arguments],
        cwd=folder,
        env=environment_of(environment),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=900,
    )


def environment_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of such a process."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1", **environment}
