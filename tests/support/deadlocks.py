"""A deadlock's error, as every database's driver tells of one."""

from django.db import OperationalError


class _DriverError(Exception):
    #: PostgreSQL's code: https://www.postgresql.org/docs/current/errcodes-appendix.html
    sqlstate = "40P01"


def deadlock() -> OperationalError:
    """Return the error of a transaction that a database rolled back as a deadlock's victim."""
    # MariaDB's number: https://mariadb.com/kb/en/mariadb-error-codes/
    error = OperationalError(1213, "Deadlock found when trying to get lock")
    error.__cause__ = _DriverError()
    return error
