"""What a process of tests tells the one that gathers the results."""

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

#: Where each run adds a line with how many tests have passed, failed and been skipped.
COUNTS = "TEST_COUNTS"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape what is no text in the captured output, which pytest-xdist could not send."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Add this run's counts to those of the round, where somebody adds them up."""
    # A process that runs a part of the tests tells the one that gathers the results.
    if COUNTS not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
        return
    stats = {name: len(reports) for name, reports in terminalreporter.stats.items()}
    failed = stats.get("failed", 0) + stats.get("error", 0)
    with Path(os.environ[COUNTS]).open("a") as file:
        file.write(f"{stats.get('passed', 0)} {failed} {stats.get('skipped', 0)}\n")


def pytest_sessionfinish() -> None:
    """Drop what the tests of this process shared."""
    if pool := sys.modules.get("tests.support.workers.pool"):
        pool.drop_migrated_database()
