"""A connection that breaks when the database has committed, and before the database says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection


@contextmanager
def answer_lost(writes: str) -> Iterator[list[str]]:
    """Let a commit arrive and lose its answer, once; yield the statements of that commit.

    Args:
        writes: What one statement of the commit contains.
    """
    statements: list[str] = []
    lost: list[str] = []
    commit = connection._commit  # type: ignore[attr-defined]

    def lose() -> None:
        if not lost and any(writes in sql for sql in statements):
            lost.extend(statements)
            # The words and the number of a server; SQLite's word for what passes.
            raise OperationalError(2013, "Lost connection to server; the database is locked")
        statements.clear()

    def watch(execute: Any, sql: str, *arguments: Any) -> Any:
        statements.append(sql)
        result = execute(sql, *arguments)
        if not connection.in_atomic_block:
            lose()
        return result

    def commit_and_lose() -> None:
        commit()
        lose()

    connection._commit = commit_and_lose  # type: ignore[attr-defined]
    try:
        with connection.execute_wrapper(watch):
            yield lost
    finally:
        del connection._commit  # type: ignore[attr-defined]
    assert lost, f"No commit contained {writes!r}."
