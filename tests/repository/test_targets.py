"""Each target has what docs/contributing/adding-a-target.rst asks for."""

import pytest

from django_notification_system.modules import built_in_names
from tests.support.documentation import DOCS
from tests.support.places import ROOT

#: The pages of the targets that had one before pages were named ``target_NAME``.
PAGES = {"email": "email", "expo": "push", "twilio": "text_messages"}


@pytest.mark.parametrize("name", sorted(built_in_names()))
def test_a_target_is_documented_and_its_rows_and_contract_are_tested(name: str) -> None:
    tests = ROOT / "tests" / "handlers" / name
    assert "(HandlerContract)" in (tests / "test_contract.py").read_text()
    assert "    proves.check()\n" in (tests / "test_outcomes.py").read_text()
    page = PAGES.get(name, f"target_{name}")
    assert f"outcomes_{name}.csv" in (DOCS / "howto" / f"{page}.rst").read_text()
    assert f"howto/{page}>`" in (DOCS / "explanation" / "targets.rst").read_text()
    assert f":ref:`{name}-outcomes`" in (DOCS / "reference" / "outcomes.rst").read_text()
