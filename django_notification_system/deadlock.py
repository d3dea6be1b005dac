"""Repeating a transaction that the database rolled back to end a deadlock."""

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connections

T = TypeVar("T")

ATTEMPTS = 5
#: MariaDB's and MySQL's number for a deadlock, https://mariadb.com/kb/en/mariadb-error-codes/
DEADLOCK_NUMBER = 1213
#: PostgreSQL's, https://www.postgresql.org/docs/current/errcodes-appendix.html
DEADLOCK_STATE = "40P01"


def despite_deadlocks(transaction: Callable[[], T], *, attempts: int, using: str) -> T:
    """Run a transaction; repeat the transaction after a rollback by a deadlock.

    On MariaDB, two concurrent inserts of the same rows deadlock, because unique indexes lock the
    gaps between rows too.

    Args:
        transaction: A function with the whole transaction, from begin to end.
        attempts: The most attempts.
        using: The database's alias.

    Raises:
        OperationalError: When the last attempt meets a deadlock too, or when a transaction was open
            before: the code that began that transaction has to begin again.
    """
    if connections[using].in_atomic_block:
        return transaction()
    for _ in range(attempts - 1):
        try:
            return transaction()
        except OperationalError as error:
            if not _is_deadlock(error):
                raise
    return transaction()


def _is_deadlock(error: OperationalError) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    return state == DEADLOCK_STATE or error.args[:1] == (DEADLOCK_NUMBER,)
