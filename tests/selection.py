"""Which tests a run leaves out, because another run of the same round has them.

A round has a run for each pair of Python and Django on each database. The first of them, with the
first pair on SQLite, has every test. ``TEST_REPEATS`` tells the others what differs from it:
``database``, ``pair`` or ``database pair``. Without it, nothing is left out.

A test runs everywhere, unless one of these says that what differs makes no difference to it:

- It can reach no database: it has neither a mark nor a fixture of pytest-django's for one, without
  which pytest-django lets nobody connect; and nothing that its module imports, or names for a
  process of its own, knows which database the tests run on. Should it reach one all the same, by a
  way that is not seen here, it fails: see ``pytest_runtest_protocol``.
- Its module is listed in ``tests/repeated_nowhere.py``, with the reason.
"""

import ast
import os
import re
from collections.abc import Generator, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.test import SimpleTestCase

from tests.repeated_nowhere import DIFFERENCES, INDEPENDENT, Difference
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
#: Who imports these can know which database the tests run on; who asks for pytest-django's blocker,
#: which every test has, may let itself through to it.
KNOW_THE_DATABASE = {"tests.databases", "tests.settings", "django_db_blocker"}
#: A module of the tests, as it is named to a process: ``-m tests.support.workers.fill``.
NAMED = re.compile(r"tests(\.\w+)+")
UNKNOWN = "unknown, since tests/selection.py takes this test for one that can reach no database"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what does not depend on that in which this run differs from the first."""
    repeats = what_differs()
    left_out = [item for item in items if repeats and is_left_out(item, repeats)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """Tell the processes of a test that can reach no database of none."""
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
    """Return what ``TEST_REPEATS`` says."""
    named = set(os.environ.get(REPEATS, "").split())
    if unknown := named - set(DIFFERENCES):
        raise pytest.UsageError(f"{REPEATS} names {sorted(unknown)}; it takes {DIFFERENCES}.")
    return frozenset(each for each in DIFFERENCES if each in named)


def is_left_out(item: pytest.Item, repeats: frozenset[Difference]) -> bool:
    """Tell whether another run of the round has had the test under the same conditions."""
    if "database" in repeats and not can_reach_the_database(item):
        return True
    module = item.path.relative_to(TESTS).with_suffix("").as_posix()
    return any(listed.of <= repeats for listed in INDEPENDENT if module in listed.modules)


def can_reach_the_database(item: pytest.Item) -> bool:
    """Tell whether a test may read or write the database that the tests run on."""
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
    """Tell whether a module, or one that it imports or names, knows which database it is."""
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
    """Return the modules of the tests that a file imports, or names in a text of its own."""
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


def _files_of(name: str) -> list[Path]:
    """Return the file of a module of the tests; none for another module, or for no module."""
    if not name.startswith("tests."):
        return []
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # a name in a module, such as ``tests.support.handlers.loft.flown``
        return []
    return [Path(spec.origin)] if spec and spec.origin else []
