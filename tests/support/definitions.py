"""What a database itself says of its tables, in its own words."""

import re
from collections.abc import Iterable

from django.db.backends.base.base import BaseDatabaseWrapper

#: Of a table, each with the table's name first; PostgreSQL writes out every condition and order.
POSTGRESQL = (
    "SELECT tablename, indexdef FROM pg_indexes WHERE tablename = ANY(%s)",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE conrelid::regclass::text = ANY(%s)",
    "SELECT tgrelid::regclass::text, pg_get_triggerdef(t.oid), tgenabled, prosrc FROM pg_trigger t"
    " JOIN pg_proc p ON p.oid = tgfoid"
    " WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY(%s)",
    "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable,"
    " column_default FROM information_schema.columns WHERE table_name = ANY(%s)",
)


def definitions(connection: BaseDatabaseWrapper, tables: Iterable[str]) -> set[str]:
    """Return the definitions of columns, indexes, constraints and triggers.

    Args:
        connection: The connection to the database.
        tables: The names of the tables.
    """
    names = list(tables)
    if connection.vendor == "postgresql":
        return {line for query in POSTGRESQL for line in _lines(connection, query, [names])}
    if connection.vendor == "mysql":
        return {line for name in names for line in _of_mariadb(connection, name)}
    query = "SELECT tbl_name, type, name, sql FROM sqlite_master WHERE type <> 'table'"
    of_tables = _lines(connection, query, [])
    return {line for line in of_tables if line.split(" | ")[0] in names}


def _of_mariadb(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    """Return the lines of ``SHOW CREATE TABLE``, without the order of columns, and the triggers."""
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW CREATE TABLE {connection.ops.quote_name(table)}")
        _, statement = cursor.fetchone()
    lines = [f"{table} | {line.strip().rstrip(',')}" for line in statement.splitlines()[1:]]
    query = (
        "SELECT event_object_table, trigger_name, action_statement FROM information_schema.triggers"
        " WHERE event_object_schema = DATABASE() AND event_object_table = %s"
    )
    return lines + _lines(connection, query, [table])


def _lines(connection: BaseDatabaseWrapper, query: str, parameters: list[object]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [
            " | ".join(re.sub(r"\s+", " ", str(value)) for value in row)
            for row in cursor.fetchall()
        ]
