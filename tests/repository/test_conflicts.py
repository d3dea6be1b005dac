"""One way to leave rows that exist already: ``INSERT IGNORE`` of MariaDB leaves more than those."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import django_notification_system

PACKAGE = Path(django_notification_system.__file__).parent
#: ``leaving_existing()``, and an event of the inbox, of which an older one has the same key alone.
KNOWN = ["contrib/inbox/site_inbox.py", "database.py"]


def ignoring(source: str) -> Iterator[ast.AST]:
    """Yield the places that ask Django or the database to ignore conflicts."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.keyword):
            names = [node.arg or ""]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value]
        if any(name == "ignore_conflicts" or "INSERT IGNORE" in name.upper() for name in names):
            yield node


@pytest.mark.parametrize(
    "source",
    [
        "rows.bulk_create(new, ignore_conflicts=True)",
        "rows.bulk_create(new, **{'ignore_conflicts': True})",
        "cursor.execute(f'insert ignore INTO {table}')",
    ],
)
def test_each_way_to_ignore_conflicts_is_found(source: str) -> None:
    assert list(ignoring(source))


def test_conflicts_are_ignored_in_one_place() -> None:
    found = [
        str(path.relative_to(PACKAGE))
        for path in sorted(PACKAGE.rglob("*.py"))
        if "ignore" in (source := path.read_text()) and any(ignoring(source))
    ]
    assert found == KNOWN
