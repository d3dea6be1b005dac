"""The pages for contributors name files and layers that are there."""

import re
import tomllib

import django_notification_system.delivery as engine
from tests.support.documentation import DOCS
from tests.support.places import ROOT

PACKAGE = ROOT / "django_notification_system"
ARCHITECTURE = (DOCS / "contributing" / "architecture.rst").read_text()
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
LAYERS = [
    name.strip()
    for contract in CONTRACTS
    for layer in contract.get("layers", ())
    for name in layer.split("|")
]


def test_every_file_that_the_architecture_names_is_there() -> None:
    named = re.findall(r"``([\w/]+\.py)``", ARCHITECTURE)
    drawn = re.findall(r">([\w/]+/\w+\.py)<", (DOCS / "diagrams" / "way_in_code.svg").read_text())
    assert len(named) >= 8
    assert len(drawn) >= 6
    assert [name for name in named + drawn if not (PACKAGE / name).exists()] == []


def test_every_file_that_the_guide_to_targets_names_is_there() -> None:
    guide = (DOCS / "contributing" / "adding-a-target.rst").read_text()
    named = set(re.findall(r"``((?:[a-z_]+/)+[\w-]+\.(?:py|rst))``", guide))
    written = {name for name in named if "NAME" not in name}
    assert len(written) >= 8
    places = (ROOT, PACKAGE, PACKAGE / "notification_handlers")
    absent = {name for name in written if not any((place / name).exists() for place in places)}
    assert absent == set()


def test_every_file_on_the_engines_map_is_there() -> None:
    assert engine.__doc__ is not None
    named = re.findall(r"\w+/\w+\.py", engine.__doc__)
    assert len(named) >= 12
    assert [name for name in named if not (PACKAGE / "delivery" / name).exists()] == []


def test_every_file_that_the_map_names_in_a_room_is_in_that_room() -> None:
    assert engine.__doc__ is not None
    rooms = re.findall(r"^``(\w+)``\n((?:    .+\n)+)", engine.__doc__, re.MULTILINE)
    named = [(room, file) for room, said in rooms for file in re.findall(r"``(\w+\.py)``", said)]
    assert len(rooms) == 6
    assert len(named) >= 9
    assert [each for each in named if not PACKAGE.joinpath("delivery", *each).exists()] == []


def test_the_page_has_every_layer_and_room_that_imports_are_held_to() -> None:
    assert len(LAYERS) >= 20
    assert [layer for layer in LAYERS if f"``{layer}``" not in ARCHITECTURE] == []


def test_the_picture_has_every_layer_and_room_that_imports_are_held_to() -> None:
    drawn = re.findall(r">(\w+)</text>", (DOCS / "diagrams" / "rooms.svg").read_text())
    assert set(LAYERS) <= set(drawn)


def test_the_import_contracts_have_no_exceptions_but_what_providers_share() -> None:
    ignored = {
        contract["name"]: [
            line
            for line in contract.get("ignore_imports", ())
            if not line.startswith("django_notification_system.notification_handlers.** -> ")
        ]
        for contract in CONTRACTS
    }
    assert not any(ignored.values())
    with_some = [contract["name"] for contract in CONTRACTS if contract.get("ignore_imports")]
    assert with_some == ["No provider's folder imports another's"]
