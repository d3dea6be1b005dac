"""Text for a terminal: aligned columns, and nothing in them that steers the terminal."""

import re
import unicodedata
from collections.abc import Sequence

#: All but tab and line feed: a message must not steer the terminal that shows it.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str, encoding: str | None) -> str:
    """Return text that any terminal takes: no control characters, nothing it cannot encode."""
    # A browser ends the lines of what is typed into a form with both.
    text = text.replace("\r\n", "\n")
    shown = CONTROL_CHARACTERS.sub(lambda match: repr(match[0])[1:-1], text)
    encoding = encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def table(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Return rows as lines of aligned columns, two spaces apart.

    Args:
        rows: All with the same number of cells.
        right: The numbers of the columns that are aligned to the right.
    """
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
            padding = " " * (width - _width(cell))
            cells.append(padding + cell if number in right else cell + padding)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    """Return how many columns a terminal needs for it."""
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )
