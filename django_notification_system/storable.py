"""Values for every database: texts without NUL or half characters, and JSON."""

import json
import math
import sys
from typing import Any

from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from .exceptions import InvalidNotification

#: MariaDB reads no JSON nested more than 32 levels deep. https://mariadb.com/kb/en/json_depth/
DEEPEST_NESTING = 30


#: Python neither writes nor reads a longer number, unless a process changes the limit.
#: https://docs.python.org/3/library/stdtypes.html#integer-string-conversion-length-limitation
LONGEST_INTEGER = sys.int_info.default_max_str_digits


def json_object(extra: Any, name: str = "extra") -> dict[str, Any]:
    """Return ``extra`` as the database will return the value: tuples as lists, and so on.

    Args:
        extra: The value of ``extra``.
        name: The value's name in the error's message.

    Raises:
        InvalidNotification: When ``extra`` is no ``dict``, or holds a value that JSON cannot store;
            the message names the place.
    """
    if not isinstance(extra, dict):
        raise InvalidNotification(
            _("extra must be a dict, or None, not %s: it is stored as a JSON object.")
            % type(extra).__name__
        )
    stored: dict[str, Any] = _json_value(extra, name, depth=1)
    return stored


def json_value(value: Any, name: str) -> Any:
    """Return a value as the database will return it, for a place in ``extra``.

    Args:
        value: The value.
        name: The name of the place, for messages.

    Raises:
        InvalidNotification: When JSON cannot store the value.
    """
    # The place is in a dict of ``extra``.
    return _json_value(value, name, depth=3)


def storable_text(name: str, text: str) -> str:
    """Return the text.

    Args:
        name: The text's name in the error's message.
        text: The text.

    Raises:
        InvalidNotification: When the text holds a NUL character, which PostgreSQL cannot store
            (https://www.postgresql.org/docs/current/datatype-character.html), or half of a
            surrogate pair, which UTF-8 cannot encode.
    """
    if "\x00" in text:
        raise InvalidNotification(
            _('%s has a NUL character, which databases cannot store. Remove "\\x00" from it.')
            % name,
            argument=_argument_of(name),
        )
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidNotification(
                _(
                    "%(name)s is no valid Unicode text: character %(number)s is half of a surrogate"
                    " pair. Decode it anew, or replace that character."
                )
                % {"name": name, "number": error.start},
                argument=_argument_of(name),
            ) from error
    return text


def _argument_of(name: str) -> str:
    """Return the argument of a text such as ``addresses[3]``."""
    return name.partition("[")[0]


def _json_value(value: Any, path: str, *, depth: int) -> Any:
    if isinstance(value, Promise):
        value = str(value)
    if isinstance(value, str):
        return storable_text(path, value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _integer(value, path)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidNotification(
                _("%(path)s is %(number)s, a number that JSON does not have.")
                % {"path": path, "number": value}
            )
        return value
    if not isinstance(value, dict | list | tuple):
        raise InvalidNotification(_not_json(value, path))
    if depth > DEEPEST_NESTING:
        raise InvalidNotification(
            _(
                "extra is nested more than %s levels deep, or holds itself. Not every database can"
                " store that."
            )
            % DEEPEST_NESTING
        )
    if isinstance(value, dict):
        return {
            _json_key(key, path): _json_value(entry, f"{path}[{_shown(key)}]", depth=depth + 1)
            for key, entry in value.items()
        }
    return [
        _json_value(entry, f"{path}[{index}]", depth=depth + 1) for index, entry in enumerate(value)
    ]


def _integer(value: int, path: str) -> int:
    longest = min(sys.get_int_max_str_digits() or LONGEST_INTEGER, LONGEST_INTEGER)
    # No process may set a limit of fewer digits than Python's threshold, some 2,000 bits.
    if value.bit_length() > 3 * sys.int_info.str_digits_check_threshold and (
        abs(value) >= 10**longest
    ):
        raise InvalidNotification(
            _(
                "%(path)s is an integer of more than %(longest)s digits, which Python cannot read"
                " back. Store it as text, in hexadecimal digits, say."
            )
            % {"path": path, "longest": f"{longest:,}"}
        )
    return value


def _json_key(key: Any, path: str) -> str:
    """Return a key in the form that ``json.dumps()`` writes."""
    if isinstance(key, str):
        if key.isascii() and "\x00" not in key:  # as nearly all are: the words below take time
            return key
        return storable_text(_("A key of %s") % path, key)
    if isinstance(key, int):
        return json.dumps(_integer(key, _("A key of %s") % path))
    if key is None or isinstance(key, float):
        return json.dumps(key)
    raise InvalidNotification(
        _("%(path)s has a key that is a %(type)s; in JSON, keys are text.")
        % {"path": path, "type": type(key).__name__}
    )


def _shown(key: Any) -> str:
    return json.dumps(key, ensure_ascii=False)


def _not_json(value: Any, path: str) -> str:
    if isinstance(value, Model):
        advice = _("Store its key and what the message says of it.")
    elif hasattr(value, "isoformat"):
        advice = _("Store the text to show, or its isoformat().")
    else:
        advice = _("Store it as text, a number, a list or a dict of these.")
    said = _("%(path)s is a %(type)s, which JSON cannot hold.") % {
        "path": path,
        "type": type(value).__name__,
    }
    return f"{said} {advice}"


def storable(text: object, length: int) -> str:
    """Return a handler's words as text for every database: no NUL, no half characters.

    Args:
        text: The handler's words; any other value is turned into text.
        length: The most characters of the result.
    """
    said = str(text).replace("\x00", "").encode(errors="replace").decode()
    return said[:length]
