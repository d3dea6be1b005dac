"""The moment by the database's clock, the same in every session."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import F, UUIDField
from django.db.models.functions import Now
from django.db.models.lookups import In


class DatabaseNow(Now):
    """Django's ``Now()``, but in UTC on MariaDB and MySQL, where each session has a time zone.

    On MariaDB and MySQL, ``CURRENT_TIMESTAMP`` is the session's local time without a zone, so two
    sessions with a different ``time_zone`` would not mean the same moment.
    https://mariadb.com/kb/en/now/
    """

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        """Return the SQL for MariaDB and MySQL, exact to the microsecond as elsewhere."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra_context)


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
        """Return the keys as the statement's parameters."""
        if connection.vendor == "postgresql":
            return [f"{{{','.join(map(str, self.rhs))}}}"]
        return [UUIDField().get_db_prep_value(key, connection) for key in self.rhs]
