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
    """Let a command that has lost its patience with the database end with one line.

    Args:
        using: The alias that the command was given; by default the router's.

    Raises:
        CommandError: When the database is out of reach. Any other error of it is raised as it is.
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
