"""Options shared by the commands."""

import argparse

from django.db import connections
from django.utils.translation import gettext as _


def add_targets(parser: argparse.ArgumentParser, explanation: str | None = None) -> None:
    """Declare ``--target``, which may be given more than once; the list is ``targets``.

    Args:
        parser: A command's.
        explanation: The help text, where a command uses the targets in another way.
    """
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="NAME",
        dest="targets",
        help=explanation or _("Only for the target of this name; may be given more than once."),
    )


def add_database(parser: argparse.ArgumentParser, explanation: str | None = None) -> None:
    """Declare ``--database``, the alias of a database of the project's; ``None`` by default.

    Args:
        parser: A command's.
        explanation: The help text, where a command reads more than notifications.
    """
    parser.add_argument(
        "--database",
        metavar="ALIAS",
        choices=tuple(connections),
        help=explanation
        or _("The database that holds the notifications; by default the router's choice."),
    )
