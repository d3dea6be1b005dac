"""How a text is shown, by an element's ``style`` and other attributes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

#: Longer styles are read anew each time, so that the cache stays small.
LONGEST_REMEMBERED = 500
COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
DECLARATION = re.compile(r"(?:^|;)\s*+([-a-z]++)\s*+:([^;]*+)")
IMPORTANT = re.compile(r"!\s*+important\s*+$")
NOTHING = re.compile(r"[+-]?0*+\.?0*+(?:[a-z]++|%)?")
KEEPS_SPACES = frozenset({"pre", "pre-wrap", "break-spaces"})


@dataclass(frozen=True)
class Style:
    """How an element's own style shows the element's text.

    Attributes:
        is_hidden: Whether no mail program shows the element.
        is_hidden_in_outlook: Whether the element is meant for all mail programs but Outlook, or for
            none.
        begins_line: Whether the element begins a line, whatever its name.
        white_space: The value of ``white-space``, or an empty text.
        is_right: Whether the text stands at the right.
        list_style: The value of ``list-style-type`` or ``list-style``, or an empty text.
    """

    is_hidden: bool = False
    is_hidden_in_outlook: bool = False
    begins_line: bool = False
    white_space: str = ""
    is_right: bool = False
    list_style: str = ""


ORDINARY = Style()


def style_of(attributes: Mapping[str, str]) -> Style:
    """Return the style in an element's attributes; at least one attribute must be given.

    Args:
        attributes: The attributes, by name.
    """
    if "hidden" in attributes:
        return Style(is_hidden=True)
    text = attributes.get("style")
    if not text:
        return ORDINARY
    return _remembered(text) if len(text) <= LONGEST_REMEMBERED else _read(text)


def _read(text: str) -> Style:
    values: dict[str, str] = {}
    important: set[str] = set()
    for name, value in DECLARATION.findall(COMMENT.sub("", text.lower())):
        is_important = IMPORTANT.search(value)
        if is_important:
            important.add(name)
            value = value[: is_important.start()]
        elif name in important:
            continue
        values[name] = value.strip()
    display = values.get("display", "")
    return Style(
        is_hidden=display == "none" or _has_no_size(values) or _is_invisible(values),
        is_hidden_in_outlook=values.get("mso-hide") == "all",
        begins_line=display in ("block", "flex", "grid", "list-item", "table"),
        white_space=values.get("white-space", ""),
        is_right=values.get("text-align") in ("right", "end"),
        list_style=values.get("list-style-type", values.get("list-style", "")),
    )


_remembered = lru_cache(maxsize=512)(_read)


def _has_no_size(values: Mapping[str, str]) -> bool:
    if _is_nothing(values, "max-height") or _is_nothing(values, "max-width"):
        return True
    return values.get("overflow") == "hidden" and (
        _is_nothing(values, "height") or _is_nothing(values, "width")
    )


def _is_invisible(values: Mapping[str, str]) -> bool:
    return values.get("visibility") in ("hidden", "collapse") or _is_nothing(values, "opacity")


def _is_nothing(values: Mapping[str, str], name: str) -> bool:
    value = values.get(name, "")
    return "0" in value and NOTHING.fullmatch(value) is not None
