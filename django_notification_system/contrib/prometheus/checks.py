"""System checks of ``NOTIFICATION_SYSTEM_PROMETHEUS``."""

import re
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

from .conf import SETTING

#: What may stand behind "Bearer". Source: RFC 6750, section 2.1.
TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
#: Whoever guesses a thousand a second needs longer than anybody lives.
SHORTEST_TOKEN = 16
HIGHEST_PORT = 65_535


def _is_token(value: Any) -> bool:
    return value is None or (isinstance(value, str) and TOKEN.fullmatch(value) is not None)


def _is_time(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and isfinite(value) and value >= 0


def _is_port(value: Any) -> bool:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value is None or (is_integer and 1 <= value <= HIGHEST_PORT)


#: What a value must be, and how to say so.
RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "TOKEN": (_is_token, "None or a text of letters, digits and -._~+/"),
    "CACHE_SECONDS": (_is_time, "a number of seconds from 0"),
    "FILE": (
        lambda value: value is None or (isinstance(value, str | Path) and bool(str(value))),
        "None or a path",
    ),
    "WATCH_PORT": (_is_port, f"None or a port from 1 to {HIGHEST_PORT}"),
    "WATCH_ADDRESS": (lambda value: isinstance(value, str) and bool(value), "an address"),
}


@checks.register()
def check_prometheus(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check the settings of the metrics."""
    values = getattr(settings, SETTING, None) or {}
    if not isinstance(values, Mapping):
        return [_error(1, f"{SETTING} must be a dictionary, such as {{'CACHE_SECONDS': 5}}.")]
    return list(_check_values(values))


def _check_values(values: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    for unknown in sorted(set(values) - set(RULES), key=str):
        yield _warning(
            1,
            f"{SETTING} has no option {unknown!r}; it is ignored.",
            hint=f"The options are: {', '.join(sorted(RULES))}.",
        )
    for option, (is_right, expected) in RULES.items():
        if option in values and not is_right(values[option]):
            yield _error(2, f"{SETTING}[{option!r}] must be {expected}.")
    token, file = values.get("TOKEN"), values.get("FILE")
    if token is not None and _is_token(token) and len(token) < SHORTEST_TOKEN:
        yield _warning(
            2,
            f"{SETTING}['TOKEN'] has fewer than {SHORTEST_TOKEN} characters: it can be guessed.",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe())'",
        )
    if isinstance(file, str | Path) and not Path(file).parent.is_dir():
        yield _error(
            3,
            f"{SETTING}['FILE'] is in a folder that does not exist: {Path(file).parent}",
            hint="Correct it, or create the folder.",
        )


def _error(number: int, message: str, hint: str | None = None) -> CheckMessage:
    return checks.Error(
        message, hint=hint, id=f"django_notification_system_prometheus.E{number:03}"
    )


def _warning(number: int, message: str, hint: str | None = None) -> CheckMessage:
    return checks.Warning(
        message, hint=hint, id=f"django_notification_system_prometheus.W{number:03}"
    )
