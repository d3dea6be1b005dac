"""One line for a command's user where the database is out of reach, instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, connections, router
from django.utils.translation import gettext as _

from ...database import is_passing
from ...models import Notification
from ...outcome import one_line


@contextmanager
def in_a_line_where_away(using: str | None) -> Iterator[None]:
    """End a command with one line after its patience with the database has run out.

    Args:
        using: The alias given to the command; by default the router's.

    Raises:
        CommandError: When the database is out of reach. Any other database error is raised
            unchanged.
    """
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        alias = using or router.db_for_write(Notification)
        if not is_passing(error, connections[alias].vendor):
            raise
        raise CommandError(
            _(
                "The database is out of reach (%s). What was not recorded is due again when its"
                " lease ends."
            )
            % one_line(error)
        ) from error
