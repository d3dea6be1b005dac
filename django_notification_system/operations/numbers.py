"""Numbers as options of a command."""

import argparse


def positive_number(text: str) -> float:
    """Return a number above 0, and not infinite.

    Raises:
        ArgumentTypeError: When it is none.
    """
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def positive_integer(text: str) -> int:
    """Return a whole number above 0.

    Raises:
        ArgumentTypeError: When it is none.
    """
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number
