"""The numbers of a list's items, in the list's own kind of numbers."""

from collections.abc import Mapping

#: By letter of ``<ol type>`` (the HTML standard, section 4.4.5).
TYPES = frozenset("aAiI")
#: By value of ``list-style-type`` (CSS Counter Styles, section 6).
LIST_STYLES: Mapping[str, str] = {
    "lower-alpha": "a",
    "lower-latin": "a",
    "lower-roman": "i",
    "upper-alpha": "A",
    "upper-latin": "A",
    "upper-roman": "I",
}
ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
#: The largest Roman number; browsers show greater ones in digits.
LARGEST_ROMAN = 3999


def numbered(number: int, kind: str) -> str:
    """Return a number as a list shows the number.

    Args:
        number: The number.
        kind: ``"a"``, ``"A"``, ``"i"`` or ``"I"``; digits for any other.
    """
    if number < 1 or kind not in TYPES:
        return str(number)
    if kind in "aA":
        text = _letters(number)
    elif number > LARGEST_ROMAN:
        return str(number)
    else:
        text = _roman(number)
    return text.upper() if kind.isupper() else text


def _letters(number: int) -> str:
    """Return a number as letters; z comes before aa."""
    letters = ""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("a") + letter) + letters
    return letters


def _roman(number: int) -> str:
    digits = []
    for value, digit in ROMAN:
        times, number = divmod(number, value)
        digits.append(digit * times)
    return "".join(digits)
