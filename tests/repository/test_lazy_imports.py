"""Each import within a function says what the import saves."""

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tests.support.places import ROOT

PACKAGE = ROOT / "django_notification_system"
#: Django calls the first when the models are ready; Python calls the second for a missing name.
SAID_BY_NAME = {"ready", "__getattr__"}


def blocks(path: Path) -> Iterator[tuple[int, int]]:
    """Yield the first and last line of the imports that follow each other in a function."""
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if function.name in SAID_BY_NAME:
            continue
        found = sorted(
            (each.lineno, each.end_lineno or each.lineno)
            for each in ast.walk(function)
            if isinstance(each, ast.Import | ast.ImportFrom)
        )
        if not found:
            continue
        first = found[0][0]
        for (_, end), (following, _) in pairwise(found):
            if following > end + 2:
                yield first, end
                first = following
        yield first, found[-1][1]


def test_each_import_within_a_function_says_what_it_saves() -> None:
    count, silent = 0, []
    for path in sorted(PACKAGE.rglob("*.py")):
        if "migrations" in path.parts:
            continue
        lines = path.read_text().splitlines()
        for first, last in blocks(path):
            count += 1
            if not any("#" in line for line in lines[first - 3 : last + 1]):
                silent.append(f"{path.relative_to(ROOT)}:{first}")
    assert count >= 20
    assert silent == []
