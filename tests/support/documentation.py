"""Shared by the tests of the documentation."""

import csv
import io
import os
import re
import runpy
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.management import (
    CommandError,
    call_command,
)

from django_notification_system.models import (
    TargetUserRecord,
)
from tests.support import forked
from tests.support.places import ROOT

DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"
PIGEON = EXAMPLES / "carrier_pigeon"
OUTPUT = DOCS / "output"
README = (ROOT / "README.md").read_text()
APP = "django_notification_system"

Records = dict[str, TargetUserRecord]


def pages() -> list[Path]:
    return sorted(path for path in DOCS.rglob("*.rst") if "_build" not in path.parts)


def reference() -> str:
    return "\n".join(path.read_text() for path in sorted((DOCS / "reference").glob("*.rst")))


def blocks_of_readme(language: str) -> list[str]:
    """Return the blocks of code in the README that name a language; ``""`` is for no name."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for its_language, text in fenced if its_language == language]


def run_example(name: str) -> dict[str, Any]:
    """Run an example; settings and addresses are lines to add to a project's own."""
    path = EXAMPLES / name
    project = {
        "BASE_DIR": path.parent,
        "INSTALLED_APPS": [],
        "NOTIFICATION_SYSTEM": {},
        "NOTIFICATION_SYSTEM_HANDLERS": [],
        "NOTIFICATION_SYSTEM_TARGETS": {"email": {}, "twilio_sms": {}},
        "urlpatterns": [],
    }
    return runpy.run_path(str(path), init_globals=project)


def run_command(name: str, *arguments: str, **options: Any) -> str:
    """Return a command's output on a terminal, with the error at the end, if any."""
    terminal = io.StringIO()
    try:
        call_command(name, *arguments, stdout=terminal, stderr=terminal, **options)
    except CommandError as error:
        terminal.write(f"CommandError: {error}\n")
    return terminal.getvalue()


def process(*arguments: str) -> str:
    return run_command("process_notifications", *arguments)


def steady(text: str) -> str:
    """Return output without parts that differ by run: times, ports, the project's folder."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", "2026-11-24 08:30:00+00:00", text)
    text = re.sub(r"(again (?:at|from)) (?:[\d-]{10} )?\d\d:\d\d", r"\1 09:30", text)
    text = text.replace(str(EXAMPLES), "/srv/mysite")
    text = re.sub(r"user \d+ \(", "user 1 (", text)
    return re.sub(r"\(key \d+\)", "(key 7)", text)


def assert_documented(output: str, name: str) -> None:
    """Compare output with the pages; UPDATE_DOCS_OUTPUT=1 writes the output anew."""
    file = OUTPUT / f"{name}.txt"
    if os.environ.get("UPDATE_DOCS_OUTPUT"):
        file.write_text(steady(output))
    assert steady(output) == file.read_text(), f"{file} should be:\n{steady(output)}"


def assert_table(name: str, rows: Iterable[Sequence[str]]) -> None:
    """Compare a table, header first, with the pages; UPDATE_DOCS_OUTPUT=1 writes the table anew."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    file = OUTPUT / f"{name}.csv"
    if os.environ.get("UPDATE_DOCS_OUTPUT"):
        file.write_text(written.getvalue())
    assert written.getvalue() == file.read_text(), f"UPDATE_DOCS_OUTPUT=1 writes {file} anew."


def own_environment() -> dict[str, str]:
    """Return the environment without what makes a process one of the tests'."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO", "TEST_"))
    }
    return {**kept, "PYTHONPATH": str(ROOT)}


def run_module(project: Path, *arguments: str) -> str:
    path = os.pathsep.join([str(project / "installed"), str(ROOT)])
    suffix = os.environ.get("TEST_DATABASE_SUFFIX", "")
    done = forked.run(
        ["-m", *arguments],
        folder=project,
        environment={
            **os.environ,
            "PYTHONPATH": path,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_DATABASE_SUFFIX": f"{suffix}_examples",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
