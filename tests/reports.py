"""Reports from the tests' processes to the process with the results."""

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

#: The file where every run adds a line: how many tests passed, failed and were skipped.
COUNTS = "TEST_COUNTS"
#: What removes something that several modules share, after the last test. Who shares it adds it
#: here: named by this module, a database would be known to every module with ``tests.conftest``.
AT_THE_END: list[Callable[[], None]] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape captured output that is no text: pytest-xdist could not send it."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Add this run's counts to the round's, if a round is counted."""
    # A process with a part of the tests reports to the process with the results.
    if COUNTS not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
        return
    stats = {name: len(reports) for name, reports in terminalreporter.stats.items()}
    failed = stats.get("failed", 0) + stats.get("error", 0)
    with Path(os.environ[COUNTS]).open("a") as file:
        file.write(f"{stats.get('passed', 0)} {failed} {stats.get('skipped', 0)}\n")


def pytest_sessionfinish() -> None:
    """Remove what this process's tests have shared."""
    remove_shared()


def remove_shared() -> None:
    """Remove what several modules have shared, such as a database."""
    while AT_THE_END:
        AT_THE_END.pop()()
