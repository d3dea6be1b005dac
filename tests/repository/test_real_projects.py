"""The walk through real projects, on the project that is always here: the example."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.repository.real_projects import REAL_PROJECTS, RealProject, main, walk
from tests.settings import TEST_DATABASE
from tests.support.places import ROOT

EXAMPLE = RealProject(
    name="example", settings="project.settings", environment={"EXAMPLE_DATABASE": "{scratch}/own"}
)
pytestmark = pytest.mark.skipif(
    TEST_DATABASE != "sqlite", reason="The project has a database of its own."
)


def test_the_example_goes_through_every_step() -> None:
    worked, text = walk(EXAMPLE, ROOT / "example", sys.executable)
    assert worked, text
    steps = dict(line.strip().split(": ", 1) for line in text.splitlines())
    assert [*steps] == [
        "migrate",
        "check",
        "create_superuser",
        "create_records",
        "notify_and_process",
        "visit_admin",
        "dump_data",
    ]
    assert steps["visit_admin"].endswith("pages")


def test_a_project_that_fails_is_counted_and_shown(
    checkouts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = replace(EXAMPLE, settings="project.nowhere")
    assert main(checkouts, [broken, *REAL_PROJECTS]) == 1
    said = capsys.readouterr().out
    assert "example: FAILED" in said
    assert "No module named 'project.nowhere'" in said
    for project in REAL_PROJECTS:
        assert f"{project.name}: skipped, there is no " in said


@pytest.fixture
def checkouts(tmp_path: Path) -> Path:
    """A folder with the example, whose environment is the tests' own."""
    environment = tmp_path / "example" / ".venv" / "bin"
    environment.mkdir(parents=True)
    (tmp_path / "example" / "project").symlink_to(ROOT / "example" / "project")
    (environment / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (environment / "python").chmod(0o755)
    return tmp_path
