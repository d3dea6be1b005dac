"""Every row of the app's tables as the database has it, without Django between."""

import sqlite3
from typing import Any

TABLES = (
    "auth_user",
    "notification_system_target",
    "notification_system_target_user_record",
    "notification_system_opt_out",
    "notification_system_notification",
)

#: A row: column -> what the database stores, on PostgreSQL as text.
Row = dict[str, Any]
#: Table -> key -> row.
Rows = dict[str, dict[str, Row]]


def read_rows(database: dict[str, Any]) -> Rows:
    """Return every column of every row.

    Args:
        database: The database's entry in ``DATABASES``.
    """
    if database["ENGINE"].endswith("sqlite3"):
        return _read_sqlite(database)
    return _read_postgresql(database)


def _read_sqlite(database: dict[str, Any]) -> Rows:
    link = sqlite3.connect(database["NAME"])
    link.row_factory = sqlite3.Row
    try:
        return {
            table: {str(row["id"]): dict(row) for row in link.execute(f"SELECT * FROM {table}")}
            for table in TABLES
        }
    finally:
        link.close()


def _read_postgresql(database: dict[str, Any]) -> Rows:
    import psycopg
    from psycopg.rows import dict_row

    rows: Rows = {}
    with psycopg.connect(
        user=database["USER"],
        password=database["PASSWORD"],
        host=database["HOST"],
        port=database["PORT"],
        dbname=database["NAME"],
    ) as link:
        for table in TABLES:
            columns = [
                name
                for (name,) in link.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = %s",
                    [table],
                )
            ]
            as_text = ", ".join(f'"{name}"::text' for name in columns)
            cursor = link.cursor(row_factory=dict_row)
            cursor.execute(f"SELECT {as_text} FROM {table}")
            rows[table] = {row["id"]: row for row in cursor}
    return rows
