"""The requirements in pyproject.toml, and the locked releases in constraints.txt, by Python."""

import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.support.places import ROOT, TESTS

LOCK = ROOT / "constraints.txt"
#: The second locks the environment of release 1.5.3 before an upgrade.
LOCKS = (LOCK, TESTS / "upgrade" / "constraints.txt")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OWN_NAME = canonicalize_name(PYPROJECT["project"]["name"])


def lines(path: Path = LOCK) -> list[str]:
    """Return a lock's lines, without comments."""
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


def locked(python: str) -> dict[NormalizedName, Version]:
    """Return the locked releases for a Python on this machine, by package.

    Args:
        python: The Python, such as "3.12".
    """
    found: dict[NormalizedName, Version] = {}
    for requirement in map(Requirement, lines()):
        if _is_meant(requirement, python):
            (pin,) = requirement.specifier
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{name} is locked twice for Python {python}."
            found[name] = Version(pin.version)
    return found


def asked_for(python: str) -> dict[str, list[Requirement]]:
    """Return the requirements in pyproject.toml for a Python, by the place in the file."""
    project = PYPROJECT["project"]
    places = {
        "build-system": PYPROJECT["build-system"]["requires"],
        "dependencies": project["dependencies"],
        **{f"extra {name}": each for name, each in project["optional-dependencies"].items()},
        **{f"group {name}": list(_expanded(name)) for name in PYPROJECT["dependency-groups"]},
    }
    return {
        place: [
            requirement
            for requirement in map(Requirement, texts)
            if canonicalize_name(requirement.name) != OWN_NAME and _is_meant(requirement, python)
        ]
        for place, texts in places.items()
    }


def pins_of_this_environment() -> list[str]:
    """Return constraints that hold another environment to the releases of this environment."""
    return sorted(
        f"{each.name}=={each.version}"
        for each in distributions()
        if canonicalize_name(each.name) != OWN_NAME
    )


def _expanded(group: str) -> Iterator[str]:
    entries: list[Any] = PYPROJECT["dependency-groups"][group]
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            yield from _expanded(entry["include-group"])


def _is_meant(requirement: Requirement, python: str) -> bool:
    if requirement.marker is None:
        return True
    environment = {**default_environment(), "python_version": python}
    # The newest patch release: markers single out early ones, such as 3.11.2.
    environment |= {"python_full_version": f"{python}.99", "implementation_version": f"{python}.99"}
    return requirement.marker.evaluate(environment)
