"""The pages for contributors name files and layers that are there."""

import re
import tomllib

import django_notification_system.delivery as engine
from tests.support.documentation import DOCS
from tests.support.places import ROOT

PACKAGE = ROOT / "django_notification_system"
ARCHITECTURE = (DOCS / "contributing" / "architecture.rst").read_text()
PICTURES = ("rooms", "way_in_code")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]


def test_every_file_that_the_architecture_names_is_there() -> None:
    named = re.findall(r"``([\w/]+\.py)``", ARCHITECTURE)
    drawn = re.findall(r">([\w/]+/\w+\.py)<", (DOCS / "diagrams" / "way_in_code.svg").read_text())
    assert len(named) >= 8
    assert len(drawn) >= 6
    assert [name for name in named + drawn if not (PACKAGE / name).exists()] == []


def test_every_file_on_the_engines_map_is_there() -> None:
    assert engine.__doc__ is not None
    named = re.findall(r"\w+/\w+\.py", engine.__doc__)
    assert len(named) >= 12
    assert [name for name in named if not (PACKAGE / "delivery" / name).exists()] == []


def test_the_page_has_every_layer_and_room_that_imports_are_held_to() -> None:
    layers = [
        name.strip()
        for contract in CONTRACTS
        for layer in contract.get("layers", ())
        for name in layer.split("|")
    ]
    assert len(layers) >= 20
    assert [layer for layer in layers if f"``{layer}``" not in ARCHITECTURE] == []
