"""Each target has what docs/contributing/adding-a-target.rst asks for."""

import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import pytest

from django_notification_system.modules import BUILT_IN_HANDLERS, built_in_names
from django_notification_system.notification_handlers.faults import Row
from tests.support.documentation import DOCS, assert_table
from tests.support.places import ROOT

#: The pages of the targets that had one before pages were named ``target_NAME``.
PAGES = {"email": "email", "expo": "push", "twilio": "text_messages"}
HEADER = ("Name", "What it is", "Answer", "What comes of it", "Source")

each_target = pytest.mark.parametrize("name", sorted(built_in_names()))


def page_of(name: str) -> str:
    return PAGES.get(name, f"target_{name}")


def reads_extra(name: str) -> bool:
    """Tell whether a target takes keys of ``extra``: a module of its folder reads the field."""
    folder = ROOT.joinpath(*BUILT_IN_HANDLERS.split("."), name)
    return any(re.search(r"\.extra\b", file.read_text()) for file in folder.glob("*.py"))


def told(row: Row[Any]) -> Sequence[str]:
    return (row.name, row.what, row.told_answer, row.consequence, row.source)


@each_target
def test_a_target_is_documented_and_its_rows_and_contract_are_tested(name: str) -> None:
    tests = ROOT / "tests" / "handlers" / name
    assert "(HandlerContract)" in (tests / "test_contract.py").read_text()
    assert "    proves.check()\n" in (tests / "test_outcomes.py").read_text()
    if name not in PAGES:
        assert (ROOT / "tests" / "docs" / f"test_{name}.py").exists()
    page = (DOCS / "howto" / f"{page_of(name)}.rst").read_text()
    assert f"outcomes_{name}.csv" in page
    key = import_module(f"{BUILT_IN_HANDLERS}.{name}.settings").KEY
    assert f".. settings-table:: {key}\n" in page
    assert f"howto/{page_of(name)}>`" in (DOCS / "explanation" / "targets.rst").read_text()
    lists = DOCS / "reference"
    settings = (lists / "settings.rst").read_text()
    assert f'- ``"{key}"``: :ref:`{name}-settings`' in settings
    assert f":ref:`{name}-outcomes`" in (lists / "outcomes.rst").read_text()
    extra = (lists / "extra.rst").read_text()
    assert (f"- :ref:`{name}-extra`: " in extra) is reads_extra(name)


@each_target
def test_the_table_of_outcomes_is_that_of_the_code(name: str) -> None:
    faults = import_module(f"{BUILT_IN_HANDLERS}.{name}.faults").FAULTS
    assert_table(f"outcomes_{name}", [HEADER, *map(told, faults)])
