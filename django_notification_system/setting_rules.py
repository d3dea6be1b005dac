"""The rules of settings: a test, and the sentence about the test for people."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

from django.core.validators import validate_email
from django.utils.translation import gettext_noop

from .printable import without_password

#: More seconds would sooner or later lead out of the calendar.
YEAR = 365 * 86_400
#: Ten years, in minutes: more would lead out of the calendar.
LONGEST_INTERVAL = 10 * 366 * 24 * 60
#: ``"10/s"``: a number, and a unit of time.
RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*([smhd])\s*")
SECONDS_OF_SPAN = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
#: How much of a wrong value a message repeats.
LONGEST_SHOWN = 100


@dataclass(frozen=True)
class Rule:
    """The rule for a setting's value.

    Attributes:
        test: Returns true for a right value. A test that raises finds the value wrong.
        expected: The words behind "must be" in a message.
        complaint: The whole complaint about a wrong value, where ``expected`` is not enough.
    """

    test: Callable[[Any], bool]
    expected: str
    complaint: str = ""

    def allows(self, value: Any) -> bool:
        """Tell whether a value, of any type, is right.

        Args:
            value: The value.
        """
        try:
            return bool(self.test(value))
        except Exception:  # of another type, say, or out of range
            return False


def setting(
    default: Any,
    rule: Rule,
    says: str = "",
    *,
    repr: bool = True,  # noqa: A002 # dataclasses' word
) -> Any:
    """Declare a setting: a dataclass's field with its default, its rule and its sentence.

    Args:
        default: The value in projects without the setting.
        rule: The value's rule.
        says: The setting's purpose, for the reference, in reStructuredText.
        repr: Whether the value may be shown; a secret's may not.
    """
    return field(default=default, repr=repr, metadata={"rule": rule, "says": says})


def rules_of(settings_class: Any) -> Mapping[str, Rule]:
    """Return the rules of a dataclass's settings, by the settings' names.

    A field made without ``setting()`` may have any value.

    Args:
        settings_class: The dataclass.
    """
    return _rules_of(settings_class)


@cache
def _rules_of(settings_class: Any) -> Mapping[str, Rule]:
    return {each.name: each.metadata.get("rule", ANYTHING) for each in fields(settings_class)}


def shown(value: Any) -> str:
    """Return a value as text for a message; Python writes no integer of 4,400 digits.

    Args:
        value: The value.
    """
    try:
        text = repr(value)
    except Exception:
        return f"a {type(value).__name__}"
    return cut(without_password(text))


def cut(text: str) -> str:
    """Return as much of a text as a message may repeat.

    Args:
        text: The text, of any length.
    """
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def seconds_each(rate: str) -> float:
    """Return the seconds that a rate allows for each notification.

    Args:
        rate: The rate, such as ``"10/s"``, ``"100/m"`` or ``"1000/h"``.

    Raises:
        ValueError: When the text is no rate, or a rate of less than one a year.
    """
    match = RATE.fullmatch(rate) if isinstance(rate, str) else None
    number = float(match[1]) if match else 0.0
    seconds = SECONDS_OF_SPAN[match[2]] / number if match and number else 0.0
    if not 0 < seconds <= YEAR:
        raise ValueError(f"{shown(rate)} is no rate such as '10/s', '100/m' or '1000/h'.")
    return seconds


def is_web_address(value: Any) -> bool:
    """Tell whether a value is an http or https URL with a host.

    Args:
        value: The value.
    """
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def can_be_called(value: Any) -> bool:
    """Tell whether somebody else can call a URL: the port must be possible.

    Args:
        value: The value.
    """
    return is_web_address(value) and urlsplit(value).port != 0


def is_email_address(value: Any) -> bool:
    """Tell whether a value is an email address; raises where the value is none.

    Args:
        value: The value.
    """
    validate_email(value)
    return True


def one_of(*values: Any) -> Rule:
    """Return the rule: one of a few values.

    Args:
        values: The allowed values.
    """
    spoken = [f'"{value}"' if isinstance(value, str) else repr(value) for value in values]
    expected = " or ".join(filter(None, [", ".join(spoken[:-1]), spoken[-1]]))
    return Rule(lambda value: value in values, expected)


def whole_number(most: int, unit: str = "", least: int = 1) -> Rule:
    """Return the rule: a whole number from ``least`` to ``most``.

    Args:
        most: The largest number.
        unit: The numbers' unit, for the message.
        least: The smallest number.
    """
    of_unit = f" of {unit}" if unit else ""
    return Rule(
        lambda value: _is_integer(value) and least <= value <= most,
        f"a whole number{of_unit} above {least - 1}, at most {most}",
    )


def number(test: Callable[[float], bool], expected: str) -> Rule:
    """Return the rule: a finite number that passes the test.

    Args:
        test: Returns true for a right number.
        expected: The words behind "must be" in a message.
    """
    return Rule(lambda value: _is_number(value) and test(value), expected)


def or_none(rule: Rule, expected: str | None = None) -> Rule:
    """Return the rule: ``None``, or a value by another rule.

    Args:
        rule: The other rule.
        expected: The words behind "must be" in a message; by default made from the rule's.
    """
    return Rule(
        lambda value: value is None or rule.test(value), expected or f"{rule.expected}, or None"
    )


def dictionary_such_as(example: str) -> Rule:
    """Return the rule: ``None`` or a dictionary.

    Args:
        example: A dictionary as text, for the message.
    """
    is_dictionary = Rule(lambda value: isinstance(value, Mapping), "a dictionary")
    return or_none(is_dictionary, f"None or a dictionary, such as {example}")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


ANYTHING = Rule(lambda value: True, "anything")
YES_OR_NO = Rule(lambda value: isinstance(value, bool), "True or False")
TEXT = Rule(lambda value: isinstance(value, str), "a string")
SECONDS_TO_WAIT = number(
    lambda value: 0 < value <= 86_400, "a number of seconds above 0, at most 86400, which is a day"
)
MINUTES = number(
    lambda value: 0 < value <= LONGEST_INTERVAL,
    f"a number of minutes above 0, at most {LONGEST_INTERVAL}",
)
MINUTES_TO_RECEIPT = number(
    lambda value: 0 <= value < 24 * 60, "a number of minutes from 0 to below 1440"
)
WEB_ADDRESS = Rule(
    is_web_address,
    "an http or https URL",
    gettext_noop("is no web address. It must start with https:// or http:// and name a host"),
)
WEB_ADDRESS_OR_EMPTY = Rule(
    lambda value: value == "" or can_be_called(value), WEB_ADDRESS.expected, WEB_ADDRESS.complaint
)
RATE_OR_NONE = Rule(
    lambda value: value is None or seconds_each(value) > 0,
    'a rate such as "10/s", "100/m" or "1000/h", or None',
)
COUNT = whole_number(1_000_000)
CONNECTIONS = whole_number(10_000)
SECONDS = whole_number(YEAR, "seconds")
