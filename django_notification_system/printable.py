"""Text safe to show: on a terminal, in a log, in JSON."""

import json
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

#: All characters that steer a terminal or reverse a line's text, except tab and line feed: the
#: control characters of ASCII and of ISO 6429 (U+009B begins an escape sequence), Unicode's own
#: line ends, and Unicode's marks that override the direction of text. Source: Unicode Standard
#: Annex 9, section 2.
STEERING = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
CONTROL_CHARACTERS = re.compile(f"[{STEERING}]")
CONTROL_CHARACTERS_AND_LINE_ENDS = re.compile(f"[\t\n{STEERING}]")
#: RFC 3986, section 3.2.1: user and password stand before the host.
USER_IN_ADDRESS = re.compile(r"://[^/?#\s@]*+@(?:[^/?#\s@]*+@)*+")


def printable(text: str, encoding: str | None = None) -> str:
    """Return text that any terminal can show: without control characters, in its encoding.

    Args:
        text: The text, perhaps of several lines.
        encoding: The terminal's encoding; by default UTF-8.
    """
    # A browser ends the lines of a form's text with both.
    text = text.replace("\r\n", "\n")
    shown = CONTROL_CHARACTERS.sub(_escaped, text)
    encoding = encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def printable_line(text: str) -> str:
    """Return text as a single line, so that nobody can forge a second line.

    Args:
        text: The text, perhaps of several lines.
    """
    return CONTROL_CHARACTERS_AND_LINE_ENDS.sub(_escaped, text)


def printable_json(value: Any, **options: Any) -> str:
    """Return a value as JSON that any terminal can show, in the characters of its language.

    Args:
        value: The value.
        options: Further arguments of ``json.dumps()``.
    """
    text = json.dumps(value, ensure_ascii=False, **options)
    # Outside of texts, JSON has no characters below U+0020 except its own line ends.
    return CONTROL_CHARACTERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def without_password(text: str) -> str:
    """Return a text without users and passwords in web addresses.

    Args:
        text: A text, perhaps with web addresses.
    """
    return USER_IN_ADDRESS.sub("://***@", text)


def validate_printable(text: str) -> None:
    """Refuse a name with a line end or a control character.

    Args:
        text: The name.

    Raises:
        ValidationError: When the name has such a character.
    """
    if CONTROL_CHARACTERS_AND_LINE_ENDS.search(text):
        raise ValidationError(
            _("Leave out line breaks and control characters: this is shown in lists and logs."),
            code="not_printable",
        )


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
