"""Numbers as options of a command."""

import argparse

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
