"""The programs that no test runs find what they import from the package and from the tests."""

import ast
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.places import ROOT

PROGRAMS = sorted([*(ROOT / "benchmarks").rglob("*.py"), *(ROOT / "docs").glob("*.py")])
#: Their names change with the code; a library's do not.
OURS = ("benchmarks", "django_notification_system", "example", "tests")


def names_not_there(path: Path) -> Iterator[str]:
    """Yield what a program imports, at the top or in a function, and would not find."""
    package = ".".join(path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in OURS and find_spec(alias.name) is None:
                    yield alias.name
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                base = package.rsplit(".", node.level - 1)[0]
                module = f"{base}.{module}".rstrip(".")
            if module.split(".")[0] in OURS:
                yield from (
                    f"{module}.{alias.name}"
                    for alias in node.names
                    if not _is_there(module, alias.name)
                )


def _is_there(module: str, name: str) -> bool:
    spec = find_spec(module)
    if spec is None:
        return False
    if spec.submodule_search_locations is not None and find_spec(f"{module}.{name}") is not None:
        return True
    if name == "*":
        return True
    if module.split(".")[0] == "django_notification_system":  # which has names by __getattr__
        return hasattr(import_module(module), name)
    # By its source: a program may not be imported without what it sets up.
    return spec.origin is not None and name in _defined(Path(spec.origin))


def _defined(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
    return names


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_program_finds_what_it_imports(path: Path) -> None:
    assert list(names_not_there(path)) == []
