"""Numbers as options of a command."""

import argparse
from collections.abc import Callable

from django.utils.translation import gettext as _


def positive_number(text: str) -> float:
    """Return a number above 0, and not infinite.

    Args:
        text: The option's text.

    Raises:
        ArgumentTypeError: When the text is no such number.
    """
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(_("%s is not a positive number") % text)
    return number


def positive_integer(text: str) -> int:
    """Return a whole number above 0.

    Args:
        text: The option's text.

    Raises:
        ArgumentTypeError: When the text is no such number.
    """
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(_("%s is not a positive number") % text)
    return number


def whole_number(most: int) -> Callable[[str], int]:
    """Return the type of an option: a whole number from 1 to ``most``; argparse refuses others.

    Args:
        most: The largest number.
    """

    def number(text: str) -> int:
        value = int(text)
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(
                _("%(text)s is not a number from 1 to %(most)d") % {"text": text, "most": most}
            )
        return value

    return number
