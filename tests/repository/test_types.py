"""Mypy and pyright, on code as a project writes it: they refuse the wrong lines, and no other."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.places import ROOT, TESTS

USER_CODE = TESTS / "support" / "typed" / "user_code.py"
EXPECTED = {
    number: found[1]
    for number, line in enumerate(USER_CODE.read_text().splitlines(), start=1)
    if (found := re.search(r"# error: (\w+)", line))
}


#: Documented lookups by ``user_target``.
LOOKUPS = [
    path for path in (ROOT / "docs" / "examples").glob("*.py") if "user_target" in path.read_text()
]


def test_mypy_refuses_the_wrong_lines_alone(said_by_mypy: str) -> None:
    found = re.findall(r"user_code\.py:(\d+): error: (.*)", said_by_mypy)
    assert_expected({int(number): text for number, text in found}, said_by_mypy)


def test_mypy_takes_the_documented_lookups_by_user_target(said_by_mypy: str) -> None:
    assert LOOKUPS
    checked = f"errors in 1 file (checked {len(LOOKUPS) + 1} source files)"
    assert checked in said_by_mypy, said_by_mypy


@pytest.fixture(scope="module")
def said_by_mypy() -> str:
    """What mypy says of the code and of the documented lookups, in one run."""
    pytest.importorskip("mypy_django_plugin", reason="`make check` installs the type checkers.")
    command = [sys.executable, "-m", "mypy", "--no-pretty", *map(str, [USER_CODE, *LOOKUPS])]
    # Django's plugin reads the tests' settings, and no test here reaches a database.
    environment = os.environ | {"TEST_DATABASE": "sqlite"}
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return said.stdout + said.stderr


def test_pyright_refuses_the_wrong_lines_alone(tmp_path: Path) -> None:
    pytest.importorskip("basedpyright", reason="`make check` installs the type checkers.")
    pytest.importorskip("mypy_django_plugin", reason="`make check` installs Django's types.")
    settings = {"typeCheckingMode": "standard", "extraPaths": [str(ROOT), *sys.path]}
    project = tmp_path / "pyrightconfig.json"
    project.write_text(json.dumps({"include": [str(USER_CODE)], **settings}))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--project", str(project)]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    found = [
        (each["range"]["start"]["line"] + 1, each["message"])
        for each in json.loads(said.stdout)["generalDiagnostics"]
        if each["severity"] == "error"
    ]
    assert_expected(dict(found), said.stdout + said.stderr)


def assert_expected(found: Mapping[int, str], said: str) -> None:
    assert found.keys() == EXPECTED.keys(), said
    for number, word in EXPECTED.items():
        assert word in found[number], said
