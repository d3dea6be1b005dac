"""Waiting for a database that is locked or away, repeating after a deadlock, and its limits."""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connections,
)

from .stop_moment import stop_moment

logger = logging.getLogger("django_notification_system")

T = TypeVar("T")

#: Servers refuse a larger statement: MariaDB's max_allowed_packet is 16 MiB by default.
#: https://mariadb.com/kb/en/server-system-variables/#max_allowed_packet
STATEMENT_SIZE = 4 * 1024 * 1024
#: Seconds of a run's tries before the run gives up.
PATIENCE_SECONDS = 60
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
#: Seconds of tries in a process told to stop. The process will be killed soon after.
STOPPING_PATIENCE_SECONDS = 6.0
#: Seconds of tries in a web request: a database that is away must not hold all of the server's
#: workers.
REQUEST_PATIENCE_SECONDS = 3.0
#: Whether the caller cannot wait for a database.
_is_impatient = ContextVar("is_impatient", default=False)
#: How many seconds the caller can wait for a database at the most.
_most_patience = ContextVar("most_patience", default=float("inf"))

#: Passing errors of MariaDB and MySQL: too many connections (1040, 1129, 1135, 1203, 1226), a
#: shutdown or no connection (1053, 2002, 2003, 2006, 2013, 2055, 4031), a killed connection or
#: statement (1158 to 1161, 1317, 1927), locks (1020, 1205, 1206, 1213, 3572), a replica that
#: refuses writes (1290, 1792, 1836), too little time (1969, 3024), no room on a disk, in a table or
#: in memory (1021, 1026, 1028, 1030, 1037, 1038, 1041, 1114, 1180). Source:
#: https://mariadb.com/kb/en/mariadb-error-codes/
PASSING_MYSQL_CODES = frozenset(
    {
        *{1020, 1021, 1026, 1028, 1030, 1037, 1038, 1040, 1041, 1053, 1114, 1129, 1135, 1158, 1159},
        *{1160, 1161, 1180, 1203, 1205, 1206, 1213, 1226, 1290, 1317, 1792, 1836, 1927, 1969, 2002},
        *{2003, 2006, 2013, 2055, 3024, 3572, 4031},
    }
)
#: Errors of MariaDB and MySQL about a value, which may come as an ``OperationalError``: a packet
#: that is too large, a number or moment out of range, text in another character set, no JSON, a
#: constraint.
MYSQL_CODES_OF_VALUES = frozenset({1153, 1264, 1265, 1292, 1366, 1406, 3140, 4025})
#: Connection failures, shutdown and start-up, too many connections, disk full, deadlock, lock not
#: available, a failing disk; a replica's refusal to write, a transaction idle or open for too long,
#: and a cancelled statement, mostly after its time limit. Source:
#: https://www.postgresql.org/docs/current/errcodes-appendix.html
PASSING_POSTGRESQL_CLASSES = (
    *("08", "25006", "25P03", "25P04", "40", "53", "55P03", "57014", "57P", "58"),
)
#: PostgreSQL's errors about a value: a bad value, a broken constraint, or a type that the column
#: does not accept.
POSTGRESQL_CLASSES_OF_VALUES = ("22", "23", "42804", "42846", "42883")
#: SQLITE_BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL, SCHEMA: another
#: writer, no room or no memory, a disk that fails or is mounted again. Source:
#: https://www.sqlite.org/rescode.html
PASSING_SQLITE_CODES = frozenset({5, 6, 7, 8, 9, 10, 13, 14, 15, 17})

#: How often a transaction is tried that the database rolls back in favor of another.
DEADLOCK_ATTEMPTS = 5
#: The longest pause after the first of these attempts; after the second twice as long, and so on.
DEADLOCK_PAUSE_SECONDS = 0.1
#: MariaDB's and MySQL's numbers for a deadlock, and for a row that another transaction has changed
#: since this one's first read (``innodb_snapshot_isolation``, on by default from MariaDB 11.6.2
#: on). Source: https://mariadb.com/kb/en/mariadb-error-codes/
#: Not 1205: such a transaction has waited for a lock already as long as the server lets it, 50
#: seconds by default, and a request's worker would wait as long again.
CONFLICT_NUMBERS = frozenset({1020, 1213})
#: PostgreSQL's for a deadlock, and for transactions that cannot be put in an order (``REPEATABLE
#: READ`` and ``SERIALIZABLE``). Source:
#: https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
CONFLICT_STATES = frozenset({"40001", "40P01"})


@contextmanager
def impatiently() -> Iterator[None]:
    """Let every operation inside this context, in this thread, be tried once only."""
    token = _is_impatient.set(True)
    try:
        yield
    finally:
        _is_impatient.reset(token)


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Let every operation inside this context, in this thread, be repeated for a shorter time.

    Args:
        seconds: The longest time.
    """
    token = _most_patience.set(seconds)
    try:
        yield
    finally:
        _most_patience.reset(token)


def patiently(
    operation: Callable[[], T],
    *,
    using: str = DEFAULT_DB_ALIAS,
    patience_seconds: float = PATIENCE_SECONDS,
) -> T:
    """Run a database operation; repeat the operation while the database is out of reach.

    Args:
        operation: One short transaction that may run twice without harm: after a lost connection,
            nobody knows whether the commit arrived.
        using: The database's alias.
        patience_seconds: Seconds of repeating, unless ``waiting_at_most()`` allows fewer.

    Raises:
        OperationalError: When the error is not a passing error, or patience has run out.
        InterfaceError: The same.
    """
    connection = connections[using]
    if connection.in_atomic_block or _is_impatient.get():
        return operation()  # the code that began the transaction has to begin again
    give_up_at = time.monotonic() + min(patience_seconds, _most_patience.get())
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return operation()
        except (OperationalError, InterfaceError, InternalError) as error:
            if (stopped_at := stop_moment()) is not None:
                give_up_at = min(give_up_at, stopped_at + STOPPING_PATIENCE_SECONDS)
            if not is_passing(error, connection.vendor) or time.monotonic() > give_up_at:
                raise
            logger.warning("The database is out of reach; waiting for it. (%s)", error)
            connection.close()
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def is_passing(error: Exception, vendor: str) -> bool:
    """Tell whether an error means that the database is out of reach for a while.

    Args:
        error: The exception of an operation.
        vendor: Django's name for the kind of database.
    """
    if isinstance(error, InterfaceError):
        return True  # the connection was closed
    if not isinstance(error, (OperationalError, InternalError)):
        return False
    if vendor == "sqlite":
        code: int | None = getattr(error.__cause__, "sqlite_errorcode", None)
        if code is None:
            return "locked" in str(error) or "busy" in str(error)
        return code & 0xFF in PASSING_SQLITE_CODES  # the higher bits add details of the same error
    if vendor == "mysql":
        return _mysql_code(error) in PASSING_MYSQL_CODES
    state = _postgresql_state(error)
    # Without a state the server never answered.
    if state is None:
        return isinstance(error, OperationalError)
    return state.startswith(PASSING_POSTGRESQL_CLASSES)


def refuses_value(error: Exception, vendor: str) -> bool:
    """Tell whether an error means that a value cannot be stored, now or later.

    Args:
        error: The exception of the write.
        vendor: Django's name for the kind of database.
    """
    if isinstance(error, (DataError, IntegrityError)):
        return True
    if not isinstance(error, (DatabaseError, InterfaceError)):
        return True  # Python could not make a parameter of the value
    if vendor == "mysql":
        return _mysql_code(error) in MYSQL_CODES_OF_VALUES
    if not isinstance(error, ProgrammingError):
        return False
    if vendor == "sqlite":
        # Without the database's code, the error came before the database was asked.
        return getattr(error.__cause__, "sqlite_errorcode", None) is None
    state = _postgresql_state(error)
    return state is None or state.startswith(POSTGRESQL_CLASSES_OF_VALUES)


def despite_deadlocks(transaction: Callable[[], T], *, attempts: int, using: str) -> T:
    """Run a transaction; repeat the transaction after a deadlock or a serialization failure.

    On MariaDB, two concurrent inserts of the same rows deadlock, because unique indexes lock the
    gaps between rows too. A project may have chosen an isolation level under which any two
    transactions can fail so.

    Args:
        transaction: A function with the whole transaction, from begin to end.
        attempts: The most attempts.
        using: The database's alias.

    Raises:
        OperationalError: When the last attempt is rolled back too, or when a transaction was open
            before: the code that began that transaction has to begin again.
    """
    if connections[using].in_atomic_block:
        return transaction()
    for attempt in range(1, attempts):
        try:
            return transaction()
        except OperationalError as error:
            if not _is_conflict(error, connections[using].vendor):
                raise
        # The others go on meanwhile. By chance, so that two never meet in step again and again.
        time.sleep(random.uniform(0, DEADLOCK_PAUSE_SECONDS * attempt))  # noqa: S311 # no secret
    return transaction()


def _is_conflict(error: OperationalError, vendor: str) -> bool:
    if vendor == "mysql":
        return _mysql_code(error) in CONFLICT_NUMBERS
    return _postgresql_state(error) in CONFLICT_STATES


def leaving_existing(field: str, *, using: str) -> dict[str, Any]:
    """Return the arguments of ``bulk_create()`` that leave rows as they are which exist already.

    MariaDB's ``INSERT IGNORE``, which Django's ``ignore_conflicts`` makes, cuts values that are too
    long, and leaves out rows that refer to no row, with no error.
    https://mariadb.com/kb/en/insert-ignore/

    Args:
        field: A field with the same value in the row and in the existing row, such as a field of
            the unique constraint. Not the primary key.
        using: The database's alias.
    """
    if connections[using].vendor == "mysql":
        return {"update_conflicts": True, "update_fields": [field]}
    return {"ignore_conflicts": True}


def _mysql_code(error: Exception) -> object:
    return error.args[0] if error.args else None


def _postgresql_state(error: Exception) -> str | None:
    cause = error.__cause__
    state: str | None = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return state
