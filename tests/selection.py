"""Selects the tests of a run: another run of the same round may have the others.

A round has a run for every pair of Python and Django on every database. The first run, with the
first pair on SQLite, has every test. ``TEST_REPEATS`` tells other runs the differences:
``database``, ``pair``, or both. ``pair between`` says that two pairs around this pair have the
tests: a pair with an older Python and Django, and a pair with newer ones. Without ``TEST_REPEATS``,
no test is left out.

A test runs everywhere, unless the difference has no effect, for one of two reasons:

- The test can reach no database. It has neither a mark nor a fixture of pytest-django's for a
  database, so pytest-django lets no code connect; and no module that the test's module imports, or
  starts in a process, knows the database under test. A test that reaches a database all the same,
  in a way not seen here, fails: see ``pytest_runtest_protocol``.
- The test's module is listed in ``tests/repeated_nowhere.py``, with the reason.

Where each difference by itself has had all tests, a new pair on another database has the modules in
``STATEMENTS`` alone, and one case of a parametrized test; a pair between two others likewise has
one case. Which case depends on the database, so that three databases have three; see
``one_case_of_each``. The modules ``IN_FULL`` have all cases even so. At night every pair has every
test on every database.
"""

import ast
import os
import re
from collections.abc import Generator, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.test import SimpleTestCase

from tests.databases import DATABASES
from tests.repeated_nowhere import (
    DATABASE_AND_PAIR,
    DIFFERENCES,
    IN_FULL,
    INDEPENDENT,
    STATEMENTS,
    Difference,
)
from tests.support.places import TESTS

REPEATS = "TEST_REPEATS"
FIXTURES_OF_DATABASES = {
    "db",
    "django_db_reset_sequences",
    "django_db_serialized_rollback",
    "django_db_setup",
    "live_server",
    "transactional_db",
}
#: Modules that import these may know the database under test; a test that asks for pytest-django's
#: blocker, present in every test, may let itself through to the database, and a test that asks for
#: a fixture by a name as it runs may ask for one of a database.
KNOW_THE_DATABASE = {"tests.databases", "tests.settings", "django_db_blocker", "getfixturevalue"}
#: A module of the tests in the arguments of a process: ``-m tests.support.workers.fill``.
NAMED = re.compile(r"tests(\.\w+)+")
UNKNOWN = "unknown, since tests/selection.py takes this test for one that can reach no database"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out whole modules before they are read: each process of a run reads all others."""
    if collection_path.suffix != ".py" or not collection_path.is_relative_to(TESTS):
        return None
    return is_module_left_out(module_of(collection_path), what_differs()) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that do not depend on this run's difference from the first."""
    repeats = what_differs()
    if not repeats:
        return
    kept = [item for item in items if not is_left_out(item, repeats)]
    if has_one_case_of_each(repeats):
        kept = one_case_of_each(kept, os.environ.get("TEST_DATABASE", "sqlite"))
    here = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in here])
    items[:] = kept


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """Hide the database from the processes of a test that can reach none."""
    told = os.environ.get("TEST_DATABASE")
    if not can_reach_the_database(item):
        os.environ["TEST_DATABASE"] = UNKNOWN
    try:
        return (yield)
    finally:
        if told is None:
            os.environ.pop("TEST_DATABASE", None)
        else:
            os.environ["TEST_DATABASE"] = told


def what_differs() -> frozenset[Difference]:
    """Return the differences in ``TEST_REPEATS``."""
    named = set(os.environ.get(REPEATS, "").split())
    if unknown := named - set(DIFFERENCES):
        raise pytest.UsageError(f"{REPEATS} names {sorted(unknown)}; it takes {DIFFERENCES}.")
    return frozenset(each for each in DIFFERENCES if each in named)


def is_left_out(item: pytest.Item, repeats: frozenset[Difference]) -> bool:
    """Tell whether another run of the round has had the test under the same conditions."""
    if "database" in repeats and not can_reach_the_database(item):
        return True
    return is_module_left_out(module_of(item.path), repeats)


def is_module_left_out(module: str, repeats: frozenset[Difference]) -> bool:
    """Tell whether another run has had all tests of a module; ``False`` for a module without."""
    if not module.rpartition("/")[2].startswith("test_"):
        return False
    if repeats >= DATABASE_AND_PAIR and module not in STATEMENTS:
        return True
    return any(
        listed.is_without_effect(repeats) for listed in INDEPENDENT if module in listed.modules
    )


def module_of(path: Path) -> str:
    """Return the path of a file below ``tests``, without the ending."""
    return path.relative_to(TESTS).with_suffix("").as_posix()


def has_one_case_of_each(repeats: frozenset[Difference]) -> bool:
    """Tell whether other runs of the round have had all cases with each of the differences."""
    return len(repeats) > 1


def one_case_of_each(items: Sequence[pytest.Item], database: str) -> list[pytest.Item]:
    """Return the tests with one case of each parametrized test.

    Args:
        items: The tests.
        database: The database under test: the first has the first case, the last the last, and
            those between them the cases between.
    """
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        is_case = hasattr(item, "callspec") and module_of(item.path) not in IN_FULL
        cases.setdefault(item.nodeid.partition("[")[0] if is_case else item.nodeid, []).append(item)
    place = list(DATABASES).index(database) / (len(DATABASES) - 1)
    chosen = {each[int(place * (len(each) - 1))] for each in cases.values()}
    return [item for item in items if item in chosen]


def can_reach_the_database(item: pytest.Item) -> bool:
    """Return whether a test may read or write the database under test."""
    if item.get_closest_marker("django_db"):
        return True
    if FIXTURES_OF_DATABASES & set(getattr(item, "fixturenames", ())):
        return True
    case = getattr(item, "cls", None)
    if case is not None and issubclass(case, SimpleTestCase):
        return True
    return knows_the_database(item.path)


@cache
def knows_the_database(path: Path) -> bool:
    """Return whether a module, or one imported or named there, knows the database under test."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        module = waiting.pop()
        if module in seen or module == Path(__file__):
            continue
        seen.add(module)
        for name in names_of_modules(module):
            if name in KNOW_THE_DATABASE:
                return True
            waiting += _files_of(name)
    return False


@cache
def names_of_modules(path: Path) -> frozenset[str]:
    """Return the modules of the tests that a file imports, or names in a text."""
    return frozenset(_names_in(ast.parse(path.read_text())))


def _names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (match[0] for match in NAMED.finditer(node.value))
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Attribute) and node.attr == "getfixturevalue":
            yield node.attr


def _files_of(name: str) -> list[Path]:
    """Return the file of a module of the tests; none for another module, or for no module."""
    if not name.startswith("tests."):
        return []
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # a name in a module, such as ``tests.support.handlers.loft.flown``
        return []
    return [Path(spec.origin)] if spec and spec.origin else []
