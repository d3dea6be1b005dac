"""Waiting for a database that is locked, restarting or out of reach, and going on."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    InternalError,
    OperationalError,
    connections,
)

logger = logging.getLogger("django_notification_system")

Result = TypeVar("Result")

#: How long a run waits before it gives up, in seconds.
PATIENCE_SECONDS = 60
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
#: How long a process goes on that was told to stop. Who told it kills it soon after.
STOPPING_PATIENCE_SECONDS = 6.0
#: Whether whoever called cannot wait for a database.
_is_impatient = ContextVar("is_impatient", default=False)
#: Tells when the process was told to stop, by the monotonic clock.
_stopped_at: ContextVar[Callable[[], float | None]] = ContextVar("stopped_at", default=lambda: None)

#: Lock wait timeout, deadlock, shutdown, and no or a lost connection; a replica's refusal to write,
#: as while another becomes the primary, and a statement that took longer than the server allows.
#: Source: https://mariadb.com/kb/en/mariadb-error-codes/
PASSING_MYSQL_CODES = frozenset(
    {1040, 1053, 1205, 1213, 1290, 1836, 1969, 2002, 2003, 2006, 2013, 3024, 4031}
)
#: Connection failures, shutdown and start-up, too many connections, deadlock, lock not available;
#: a replica's refusal to write, and a statement that was cancelled, mostly for its time.
#: Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
PASSING_POSTGRESQL_CLASSES = ("08", "25006", "40", "53", "55P03", "57014", "57P")


@contextmanager
def impatiently() -> Iterator[None]:
    """Let what is done meanwhile in this thread try each operation once."""
    token = _is_impatient.set(True)
    try:
        yield
    finally:
        _is_impatient.reset(token)


@contextmanager
def patient_until_stopped(stopped_at: Callable[[], float | None]) -> Iterator[None]:
    """Let what is done meanwhile in this thread wait no longer than a process that stops may.

    Args:
        stopped_at: Tells when it was told to stop, by the monotonic clock; ``None``: it was not.
    """
    token = _stopped_at.set(stopped_at)
    try:
        yield
    finally:
        _stopped_at.reset(token)


def patiently(
    operation: Callable[[], Result],
    *,
    using: str = DEFAULT_DB_ALIAS,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Result:
    """Do a database operation, again where the database was only out of reach for a while.

    Args:
        operation: One short transaction that does no harm when it is done twice: nobody can know
            whether a commit arrived on whose answer the connection broke.
        using: The database's alias.
        patience_seconds: How long to go on trying.

    Raises:
        OperationalError: When the error is no passing one, or patience is at its end.
        InterfaceError: Likewise.
    """
    connection = connections[using]
    if connection.in_atomic_block or _is_impatient.get():
        return operation()  # whoever began the transaction has to begin again
    give_up_at = time.monotonic() + patience_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return operation()
        except (OperationalError, InterfaceError, InternalError) as error:
            if (stopped_at := _stopped_at.get()()) is not None:
                give_up_at = min(give_up_at, stopped_at + STOPPING_PATIENCE_SECONDS)
            if not is_passing(error, connection.vendor) or time.monotonic() > give_up_at:
                raise
            logger.warning("The database is out of reach; waiting for it. (%s)", error)
            connection.close()
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def is_passing(error: Exception, vendor: str) -> bool:
    """Tell whether an error says that the database is only out of reach for a while."""
    if isinstance(error, InterfaceError):
        return True  # the connection was closed
    if not isinstance(error, (OperationalError, InternalError)):
        return False
    if vendor == "sqlite":
        return "locked" in str(error) or "busy" in str(error)
    if vendor == "mysql":
        return bool(error.args) and error.args[0] in PASSING_MYSQL_CODES
    cause = error.__cause__
    state: str | None = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    # Without a state the server never answered.
    if state is None:
        return isinstance(error, OperationalError)
    return state.startswith(PASSING_POSTGRESQL_CLASSES)
