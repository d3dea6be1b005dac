"""SQL on the workers' databases, past Django's own connection."""

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from tests.databases import DATABASES
from tests.settings import TEST_DATABASE


def execute(
    statement: str, *, database: str = "", server: Mapping[str, Any] = DATABASES[TEST_DATABASE]
) -> list[Any]:
    """Execute a statement on the kind of database under test, and return the rows.

    Args:
        statement: The statement.
        database: The database's name, or its file on SQLite; by default the server's permanent
            database.
        server: The server's address, as in Django's settings.
    """
    if TEST_DATABASE == "sqlite":
        with closing(sqlite3.connect(database, timeout=20)) as connection, connection:
            return connection.execute(statement).fetchall()
    login = {name: server[name.upper()] for name in ("host", "user", "password")}
    if TEST_DATABASE == "postgresql":
        import psycopg

        with psycopg.connect(
            **login, port=server["PORT"], dbname=database or server["NAME"], autocommit=True
        ) as link:
            answer = link.execute(statement)
            return answer.fetchall() if answer.description else []
    import pymysql

    with (
        pymysql.connect(
            **login, port=int(server["PORT"]), database=database or None, autocommit=True
        ) as link,
        link.cursor() as cursor,
    ):
        # A copy's tables come in no order.
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute(statement)
        return list(cursor.fetchall())


def copy_database(original: str, name: str) -> None:
    """Make a copy of a database; no client may be connected."""
    if TEST_DATABASE == "sqlite":
        shutil.copyfile(original, name)
    elif TEST_DATABASE == "postgresql":
        execute(f"CREATE DATABASE {name} TEMPLATE {original}")
    else:
        execute(f"CREATE DATABASE {name}")
        for (table,) in execute("SHOW TABLES", database=original):
            ((_, definition),) = execute(f"SHOW CREATE TABLE {table}", database=original)
            execute(definition, database=name)
            execute(f"INSERT INTO {table} SELECT * FROM {original}.{table}", database=name)
