"""The moment by the database's clock, the same in every session."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models import F, UUIDField
from django.db.models.functions import Now
from django.db.models.lookups import In
from django.utils.timezone import get_default_timezone, make_naive


class DatabaseNow(Now):
    """Django's ``Now()``, but in UTC on MariaDB and MySQL, where each session has a time zone.

    On MariaDB and MySQL, ``CURRENT_TIMESTAMP`` is the session's local time without a zone, so two
    sessions with a different ``time_zone`` would not mean the same moment.
    https://mariadb.com/kb/en/now/
    """

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        """Return the SQL for MariaDB and MySQL, exact to the microsecond as elsewhere."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra_context)


def by_local_clock(moment: datetime | None, *, using: str) -> datetime | None:
    """Return a moment by the database's clock, as the database's other moments are read.

    Without time zones (``USE_TZ = False``), SQLite and MariaDB keep a project's moments as local
    time, and ``DatabaseNow`` as UTC.

    Args:
        moment: The moment, read from a column that ``DatabaseNow`` has filled; or ``None``.
        using: The database's alias.
    """
    if moment is None or settings.USE_TZ or connections[using].vendor == "postgresql":
        return moment
    return make_naive(moment.replace(tzinfo=UTC), get_default_timezone())


class Among(In):
    """Django's ``__in`` for a UUID column, with one parameter for all keys on PostgreSQL.

    With a parameter for each key, Django and psycopg take longer to place a batch's parameters than
    PostgreSQL takes for the rows.
    """

    def __init__(self, name: str, keys: Iterable[uuid.UUID]) -> None:
        super().__init__(F(name), list(keys))

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL for PostgreSQL."""
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::uuid[])", (*parameters, *self.parameters(connection))

    def parameters(self, connection: Any) -> list[Any]:
        """Return the keys as the statement's parameters.

        Args:
            connection: The connection to the database.
        """
        if connection.vendor == "postgresql":
            return [f"{{{','.join(map(str, self.rhs))}}}"]
        return [UUIDField().get_db_prep_value(key, connection) for key in self.rhs]
