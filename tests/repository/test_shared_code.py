"""No module imports from a module of tests: ``tests/support`` has what two modules share."""

import ast
from collections.abc import Iterator

import pytest

from tests.support.places import TESTS


def imports_of_tests(source: str) -> Iterator[str]:
    """Yield what a source imports from modules of tests, and such modules themselves."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = "tests" if node.level else ""  # a relative import stays in the tests
            module = ".".join(filter(None, (package, node.module)))
            names = [f"{module}.{alias.name}" for alias in node.names]
        for name in names:
            first, *others = name.split(".")
            if first == "tests" and any(each.startswith("test_") for each in others):
                yield name


def test_no_module_imports_from_a_module_of_tests() -> None:
    files = sorted(TESTS.rglob("*.py"))
    found = [
        f"{path.relative_to(TESTS)}: {name}"
        for path in files
        for name in imports_of_tests(path.read_text())
    ]
    assert len(files) > 200
    assert found == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import tests.kitchen.test_egg", ["tests.kitchen.test_egg"]),
        ("from tests.kitchen import test_egg as egg", ["tests.kitchen.test_egg"]),
        ("def f():\n    from tests.kitchen.test_egg import boil", ["tests.kitchen.test_egg.boil"]),
        ("from .test_egg import boil", ["tests.test_egg.boil"]),
        ("from . import test_egg", ["tests.test_egg"]),
        ("from tests.support.kitchen import boil", []),
        ("from mail.test_backends import SharedEmailBackendTests", []),
        ("'from tests.kitchen.test_egg import boil'", []),  # a module for a process of its own
    ],
)
def test_an_import_is_found_in_every_form(source: str, found: list[str]) -> None:
    assert list(imports_of_tests(source)) == found
