"""Migrations that are interrupted, at any point: the next start goes on."""

import itertools
from collections.abc import Callable

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.nightly import NIGHTLY
from tests.settings import TEST_DATABASE
from tests.support.migrating import (
    ALIAS,
    STEPS,
    Interruption,
    Kind,
    clear,
    database,
    has_step_by_step_path,
    insert_notification,
    insert_record,
    migrate,
    migrate_step_by_step,
    rows,
    schema,
    scratch,
)
from tests.support.scratch_databases import snapshot

__all__ = ["database", "scratch"]

COLUMNS_OF_OLD = "id, title, extra, scheduled_delivery, modified_date"


def make_old_rows(connection: BaseDatabaseWrapper) -> None:
    migrate_step_by_step(connection, STEPS[2])
    record_id = insert_record(connection)
    for title in ("one", "two", "three"):
        insert_notification(connection, record_id, title)


@has_step_by_step_path
def test_interruption_before_each_kind_of_statement_is_survived(
    database: BaseDatabaseWrapper,
) -> None:
    """Some migrations are not one transaction, so that writers need not wait for them.

    Here each interruption comes on top of those before it; at night each comes alone.
    """
    migrate()  # makes the same as the steps, in a tenth of the time
    whole = schema(database)
    clear(database)
    make_old_rows(database)
    before = rows(database, COLUMNS_OF_OLD)
    seen: set[Kind] = set()

    def is_new(kind: Kind) -> bool:
        new = kind not in seen
        seen.add(kind)
        return new

    while (interruption := interrupt_migrations(is_new)).happened:
        assert rows(connections[ALIAS], COLUMNS_OF_OLD) == before, interruption.kinds[-1]
    assert schema(connections[ALIAS]) == whole, seen
    assert len(seen) > 10


@has_step_by_step_path
@pytest.mark.skipif(not NIGHTLY, reason="for the night: it takes minutes")
def test_interruption_before_any_statement_is_survived(database: BaseDatabaseWrapper) -> None:
    make_old_rows(database)
    before = rows(database, COLUMNS_OF_OLD)
    database.close()
    with snapshot(TEST_DATABASE, database.settings_dict["NAME"]) as restore:
        kinds = interrupt_migrations(lambda kind: False).kinds
        whole = schema(connections[ALIAS])
        for position, kind in enumerate(kinds):
            connections[ALIAS].close()
            restore()
            left = itertools.count(-position)
            if not interrupt_migrations(lambda kind, left=left: next(left) == 0).happened:
                # Django keeps content types in the process, so that later runs make fewer.
                assert position > len(kinds) - 10
                break
            migrate_step_by_step(connections[ALIAS])
            assert schema(connections[ALIAS]) == whole, kind
            assert rows(connections[ALIAS], COLUMNS_OF_OLD) == before, kind
        connections[ALIAS].close()


def interrupt_migrations(ends_before: Callable[[Kind], bool]) -> "Interruption":
    """Migrate until the session ends before a statement, and begin another session."""
    interruption = Interruption(ends_before)
    try:
        migrate_step_by_step(connections[ALIAS], interruption=interruption)
    except Exception:  # whatever Django says when its connection has gone
        if not interruption.happened:
            raise
        connections[ALIAS].close()
        del connections[ALIAS]
    return interruption
