"""The lock answers all that pyproject.toml asks for, on every Python, and names no place."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.support import lock

#: Those of the pairs.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: Of a pair that has not passed yet: the README and the classifiers do not claim it.
UNCLAIMED = {"3.14"}


def pairs() -> list[tuple[str, str]]:
    """Return the pairs of Python and Django that the noxfile has."""
    text = (lock.ROOT / "noxfile.py").read_text()
    return re.findall(r'nox\.param\("([\d.]+)", "([\d.]+)"', text)


@pytest.mark.parametrize("python", PYTHONS)
def test_everything_asked_for_is_locked_within_its_bounds(python: str) -> None:
    locked = lock.locked(python)
    unanswered = [
        f"{place}: {requirement}"
        for place, requirements in lock.asked_for(python).items()
        for requirement in requirements
        if not is_answered(requirement, locked)
    ]
    assert unanswered == [], "Run `make lock`."


def is_answered(requirement: Requirement, locked: dict[NormalizedName, Version]) -> bool:
    version = locked.get(canonicalize_name(requirement.name))
    return version is not None and version in requirement.specifier


def test_each_pair_gets_its_django_by_its_python() -> None:
    assert [python for python, _ in pairs()] == list(PYTHONS)
    for python, django in pairs():
        assert str(lock.locked(python)[canonicalize_name("Django")]).startswith(f"{django}.")


def test_every_supported_python_and_django_is_in_a_pair() -> None:
    classifiers = "\n".join(lock.PYPROJECT["project"]["classifiers"])
    supported_pythons = re.findall(r"Python :: (3\.\d+)", classifiers)
    supported_djangos = re.findall(r"Django :: (\d\.\d+)", classifiers)
    assert sorted({python for python, _ in pairs()} - UNCLAIMED) == supported_pythons
    assert sorted({django for _, django in pairs()}) == supported_djangos


def test_the_readme_claims_the_pythons_of_the_classifiers() -> None:
    classifiers = "\n".join(lock.PYPROJECT["project"]["classifiers"])
    pythons = re.findall(r"Python :: (3\.\d+)", classifiers)
    claim = f"Runs on Python {pythons[0]} to {pythons[-1]} (the test matrix has 3.14, too),"
    assert claim in (lock.ROOT / "README.md").read_text()


def test_pip_and_the_build_backend_are_locked() -> None:
    assert {"pip", "hatchling"} <= lock.locked("3.13").keys()


@pytest.mark.parametrize("path", lock.LOCKS, ids=lambda path: path.parent.name)
def test_a_lock_names_releases_and_no_place_that_they_come_from(path: Path) -> None:
    release = re.compile(r"[a-z0-9-]+==[\w.]+( ; [\w.'<>=!* ()]+)?")
    assert [line for line in lock.lines(path) if not release.fullmatch(line)] == []
    assert "://" not in path.read_text()


def test_the_makefile_installs_nothing_that_is_not_locked() -> None:
    text = (lock.ROOT / "Makefile").read_text()
    installs = re.findall(r"^\t.*(?:\$\(INSTALL\)| install ).*$", text, re.MULTILINE)
    assert len(installs) >= 6
    assert [line for line in installs if "$(INSTALL)" not in line and "$(LOCK)" not in line] == []
    groups = set(re.findall(r"--group (\w+)$", "\n".join(installs), re.MULTILINE))
    (listed,) = re.findall(r"addprefix --group ,([\w ]+)\)", text)
    assert groups == set(listed.split())


def test_a_floor_excludes_every_django_with_a_known_hole_up_to_it() -> None:
    """``!=6.0.3`` without ``!=6.0.2`` would be a slip of the pen."""
    (django,) = (
        requirement
        for requirement in lock.asked_for("3.13")["dependencies"]
        if requirement.name == "Django"
    )
    excluded = {each.version for each in django.specifier if each.operator == "!="}
    for line in {version.rpartition(".")[0] for version in excluded if version.count(".") == 2}:
        numbers = [int(each.split(".")[2]) for each in excluded if each.startswith(f"{line}.")]
        assert line in excluded
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
