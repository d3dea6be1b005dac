"""Locks on rows that a transaction reads first and then writes."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connections
from django.db.models import Model, QuerySet

if TYPE_CHECKING:
    from .notification import Notification

Row = TypeVar("Row", bound=Model)

#: How a transaction locks rows that others may read and lock likewise, and nobody may delete.
#: https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS
#: SQLite has one writer at a time.
SHARE_LOCK = {"postgresql": " FOR KEY SHARE OF %s", "mysql": " LOCK IN SHARE MODE"}


def begin_with_a_write(rows: "QuerySet[Notification]") -> None:
    """Let SQLite wait for another writer, as every other database does.

    A SQLite transaction that began with a read fails at its first write while another transaction
    writes. https://www.sqlite.org/lang_transaction.html

    Args:
        rows: All notifications, in the transaction's database.
    """
    connection = connections[rows.db]
    if connection.vendor == "sqlite":
        table = connection.ops.quote_name(rows.model._meta.db_table)
        with connection.cursor() as cursor:
            # Of no row; as SQL, because Django would take longer to write the statement than to
            # queue half a mail.
            cursor.execute(
                f"UPDATE {table} SET title = '' WHERE id = ''"  # noqa: S608 # name of our own model
            )


def locked(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Return rows to be locked until the end of the transaction, where the database has row locks.

    In the order of their keys, so that two transactions do not wait for each other. New rows may
    refer to locked rows.

    Args:
        rows: The rows, in the transaction's database.
    """
    no_key = connections[rows.db].features.has_select_for_no_key_update
    return rows.order_by("pk").select_for_update(no_key=no_key)


def share_locked(rows: QuerySet[Row]) -> list[Row]:
    """Read rows as they are now, and lock the rows: nobody can delete one until the end.

    A row without its foreign key fails at the insert on MariaDB and, with all that the transaction
    did, at the commit on PostgreSQL.

    Args:
        rows: The rows, in the transaction's database. MariaDB locks the rows of joined tables too,
            and under ``REPEATABLE READ`` keeps others from inserting a row that was not found.
    """
    sql, parameters = rows.query.get_compiler(using=rows.db).as_sql()
    sql += share_lock(rows.model, rows.db)
    return list(rows.model._base_manager.using(rows.db).raw(sql, parameters))


def share_locked_keys(rows: QuerySet[Row]) -> set[Any]:
    """Return the keys of rows, read and locked as by ``share_locked()``, without instances.

    Args:
        rows: The rows, in the transaction's database.
    """
    sql, parameters = rows.values("pk").query.get_compiler(using=rows.db).as_sql()
    with connections[rows.db].cursor() as cursor:
        cursor.execute(sql + share_lock(rows.model, rows.db), parameters)
        return {rows.model._meta.pk.to_python(key) for (key,) in cursor.fetchall()}


def share_lock(model: type[Model], using: str) -> str:
    """Return the end of a query that locks the rows that the query reads, see ``share_locked()``.

    Args:
        model: The rows' model.
        using: The database's alias.
    """
    connection = connections[using]
    clause = SHARE_LOCK.get(connection.vendor, "")
    if connection.vendor == "postgresql":
        clause %= connection.ops.quote_name(model._meta.db_table)
    return clause
