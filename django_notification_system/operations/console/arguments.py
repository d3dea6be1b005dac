"""Options that the commands have in common."""

import argparse

from django.db import connections
from django.utils.translation import gettext as _


def add_targets(parser: argparse.ArgumentParser, explanation: str | None = None) -> None:
    """Declare ``--target``, which may be given more than once and is a list, ``targets``.

    Args:
        parser: A command's.
        explanation: What it says of it, where a command does something else for a target.
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
    """Declare ``--database``, the alias of one of the project's; ``None`` where it is not given.

    Args:
        parser: A command's.
        explanation: What it says of it, where it is about more than notifications.
    """
    parser.add_argument(
        "--database",
        metavar="ALIAS",
        choices=tuple(connections),
        help=explanation
        or _("The database that holds the notifications; by default the router's choice."),
    )
