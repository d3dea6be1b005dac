"""The moment by the database's clock, the same in every session."""

from typing import Any

from django.db.models.functions import Now


class DatabaseNow(Now):
    """Django's ``Now()``, but UTC on MariaDB and MySQL, whose sessions each have a time zone.

    There ``CURRENT_TIMESTAMP`` is the session's local time, without a word of its zone, so two
    sessions with another ``time_zone`` would not mean the same moment.
    https://mariadb.com/kb/en/now/
    """

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        """Return the SQL for MariaDB and MySQL, exact to the microsecond as elsewhere."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra_context)
