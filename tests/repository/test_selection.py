"""What a run leaves out is what another of the round has had, and nothing else."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests import selection
from tests.repeated_nowhere import (
    DATABASE,
    DATABASE_AND_PAIR,
    IN_FULL,
    INDEPENDENT,
    PAIR,
    PAIR_BETWEEN,
    STATEMENTS,
    Difference,
    Independent,
)
from tests.selection import (
    REPEATS,
    UNKNOWN,
    can_reach_the_database,
    has_one_case_of_each,
    is_left_out,
    knows_the_database,
    module_of,
    one_case_of_each,
    pytest_ignore_collect,
)
from tests.support.places import TESTS

MODULES = {path.relative_to(TESTS).with_suffix("").as_posix() for path in TESTS.rglob("test_*.py")}
#: What only a test says that depends on how a database does something.
WORDS_OF_SQL = re.compile(
    r"TEST_DATABASE|\bvendor\b|\bdjango\.db\b|num_queries|CaptureQueries|IntegrityError"
)
#: Not in one piece, else this module would be taken for one that knows the database.
SETTINGS, DATABASES = (f"tests.{name}" for name in ("settings", "databases"))


def test_a_test_without_a_database_is_not_repeated_on_another(
    request: pytest.FixtureRequest,
) -> None:
    assert not can_reach_the_database(request.node)
    assert is_left_out(request.node, DATABASE)
    assert is_left_out(request.node, DATABASE_AND_PAIR)
    assert is_left_out(request.node, PAIR)  # as this module is listed


def test_a_test_without_a_database_cannot_find_out_which_it_would_be() -> None:
    assert os.environ["TEST_DATABASE"] == UNKNOWN


@pytest.mark.django_db
def test_a_mark_lets_a_test_reach_the_database(request: pytest.FixtureRequest) -> None:
    assert_it_is_repeated(request.node)


def test_a_fixture_lets_a_test_reach_the_database(
    request: pytest.FixtureRequest, email: Any
) -> None:
    assert_it_is_repeated(request.node)


def assert_it_is_repeated(item: pytest.Item) -> None:
    assert can_reach_the_database(item)
    assert not is_left_out(item, DATABASE)


@pytest.mark.parametrize(
    ("text", "knows"),
    [
        ("import json", False),
        (f"from {SETTINGS} import TEST_DATABASE", True),
        ("from tests import databases", True),
        (f"def test_it():\n    from {DATABASES} import is_there", True),
        ("from tests.support.{} import scratch_database", True),  # which imports it
        ("SETTINGS = 'tests.support.{}'", True),  # for a process of its own
        ("def test_it(django_db_blocker): pass", True),
        ("def test_it(request): request.getfixturevalue('db')", True),
        ("from tests.support.handlers import loft", False),
        ("SAID = 'tests.of.nothing'", False),
    ],
)
def test_what_a_module_imports_or_names_tells_whether_it_knows_the_database(
    tmp_path: Path, text: str, knows: bool
) -> None:
    module = tmp_path / "test_some.py"
    module.write_text(text.format("scratch_databases"))
    assert knows_the_database(module) is knows


def test_the_fixtures_for_many_tests_know_no_database_by_themselves() -> None:
    """Half of the modules import from there; each would be repeated on every database."""
    assert not knows_the_database(TESTS / "conftest.py")


@pytest.mark.parametrize("listed", INDEPENDENT, ids=lambda listed: listed.reason[:30])
def test_what_is_listed_is_there_and_has_a_reason(listed: Independent) -> None:
    assert listed.modules <= MODULES
    assert len(listed.reason.split()) > 4
    assert listed.of


def test_a_pair_between_two_others_has_no_long_test_of_processes() -> None:
    repeats: frozenset[Difference] = frozenset({"pair", "between"})
    left_out = {
        name for each in INDEPENDENT if each.is_without_effect(repeats) for name in each.modules
    }
    both = {name for each in INDEPENDENT if each.of == DATABASE_AND_PAIR for name in each.modules}
    of_pairs = {
        name for each in INDEPENDENT if each.of in (PAIR, PAIR_BETWEEN) for name in each.modules
    }
    assert left_out == both | of_pairs
    assert not any(
        each.is_without_effect(repeats)
        for each in INDEPENDENT
        for repeats in (DATABASE, PAIR, DATABASE_AND_PAIR)
        if each.of == PAIR_BETWEEN
    )
    assert "engine/test_chaos" in left_out
    assert not any(each.is_without_effect(frozenset({"between"})) for each in INDEPENDENT)


@pytest.mark.parametrize("case", range(5))
def test_two_differences_have_one_case_and_each_database_another(
    request: pytest.FixtureRequest, case: int
) -> None:
    cases = request.node.parent.collect()
    ours = [item for item in cases if item.name.startswith(f"{request.node.originalname}[")]
    chosen = [one_case_of_each(cases, database) for database in ("sqlite", "postgresql", "mariadb")]
    assert [[item for item in items if item in ours] for items in chosen] == [
        [ours[0]],
        [ours[2]],
        [ours[4]],
    ]


def test_all_tests_without_cases_stay(request: pytest.FixtureRequest) -> None:
    tests = [item for item in request.node.parent.collect() if not hasattr(item, "callspec")]
    assert request.node.name in {item.name for item in tests}
    assert one_case_of_each(tests, "mariadb") == tests


def test_what_holds_statements_and_plans_has_all_cases(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = request.node.parent.collect()
    assert one_case_of_each(cases, "sqlite") != cases
    monkeypatch.setattr(selection, "IN_FULL", {module_of(request.node.path)})
    assert one_case_of_each(cases, "sqlite") == cases
    assert IN_FULL <= MODULES


@pytest.mark.django_db
def test_both_differences_have_the_tests_of_statements_alone(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "INDEPENDENT", ())
    assert is_left_out(request.node, DATABASE_AND_PAIR)
    assert not is_left_out(request.node, DATABASE)
    assert not is_left_out(request.node, PAIR)
    monkeypatch.setattr(selection, "STATEMENTS", {module_of(request.node.path)})
    assert not is_left_out(request.node, DATABASE_AND_PAIR)
    assert STATEMENTS <= MODULES


def test_a_module_that_is_left_out_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REPEATS, "pair database")
    assert pytest_ignore_collect(Path(__file__))
    for name in ("conftest", "support/rows", *STATEMENTS):
        assert not pytest_ignore_collect(TESTS / f"{name}.py")
    monkeypatch.delenv(REPEATS)
    assert not pytest_ignore_collect(Path(__file__))


def test_one_difference_has_all_cases() -> None:
    assert not any(map(has_one_case_of_each, (DATABASE, PAIR, frozenset[Difference]())))
    assert has_one_case_of_each(DATABASE_AND_PAIR)
    assert has_one_case_of_each(PAIR_BETWEEN)


def test_no_module_is_listed_twice() -> None:
    names = [name for listed in INDEPENDENT for name in listed.modules]
    assert len(names) == len(set(names))


def test_what_is_said_to_depend_on_no_database_says_nothing_of_sql() -> None:
    """A test that comes to such a module and looks at the database would be repeated nowhere."""
    listed = {name for each in INDEPENDENT if each.of == DATABASE for name in each.modules}
    said = {
        name: sorted({match[0] for match in WORDS_OF_SQL.finditer(_code(name))})
        for name in sorted(listed)
    }
    assert {name: words for name, words in said.items() if words} == {}


def _code(name: str) -> str:
    return (TESTS / f"{name}.py").read_text()
