"""Options shared by the commands."""

import argparse

from django.db import connections
from django.utils.translation import gettext as _

from .numbers import whole_number

#: A statement has a few parameters a row, and SQLite takes no more than 32,766.
MAX_BATCH_SIZE = 10_000


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


def add_batch_size(parser: argparse.ArgumentParser, explanation: str, *, default: int) -> None:
    """Declare ``--batch-size``, from 1 to ``MAX_BATCH_SIZE``.

    Args:
        parser: A command's.
        explanation: The help text, with the place ``%(most)d`` for the greatest size.
        default: The size where the option is left out.
    """
    parser.add_argument(
        "--batch-size",
        type=whole_number(MAX_BATCH_SIZE),
        default=default,
        metavar="N",
        help=explanation % {"most": MAX_BATCH_SIZE},
    )
