"""Spans of time for people: ``15m``, ``3h 5m``, ``90d``."""

import argparse
import re
from datetime import timedelta

from django.utils.translation import gettext as _

SECONDS_OF_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
#: A hundred years, in seconds: more would lead out of the calendar.
LONGEST = 100 * 366 * SECONDS_OF_UNIT["d"]


def duration(text: str) -> timedelta:
    """Return a span of time from an option of a command.

    Args:
        text: A whole number above 0 with a unit: ``s``, ``m``, ``h``, ``d`` or ``w``.

    Raises:
        ArgumentTypeError: When the text is no span of time, or the span is longer than a hundred
            years.
    """
    match = re.fullmatch(r"(\d{1,12})([smhdw])", text.strip().lower())
    seconds = int(match[1]) * SECONDS_OF_UNIT[match[2]] if match else 0
    if not 0 < seconds <= LONGEST:
        raise argparse.ArgumentTypeError(
            _("%r is no span of time: write a number and s, m, h, d or w, such as 15m or 90d")
            % text
        )
    return timedelta(seconds=seconds)


def spoken(span: timedelta) -> str:
    """Return a span of time for people, in the two largest units: ``3h 5m``.

    Args:
        span: The span; a negative span counts as 0.
    """
    seconds = max(0, int(span.total_seconds()))
    if seconds < SECONDS_OF_UNIT["m"]:
        return f"{seconds}s"
    parts = []
    for unit in "dhm":
        number, seconds = divmod(seconds, SECONDS_OF_UNIT[unit])
        parts.append(f"{number}{unit}" if number else "")
    first = next(index for index, part in enumerate(parts) if part)
    return " ".join(part for part in parts[first : first + 2] if part)
