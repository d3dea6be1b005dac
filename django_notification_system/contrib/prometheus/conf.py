"""The setting ``NOTIFICATION_SYSTEM_PROMETHEUS``."""

import re
from dataclasses import dataclass, fields
from pathlib import Path

from django.conf import settings

from ...setting_rules import Rule, number, or_none, setting, whole_number

SETTING = "NOTIFICATION_SYSTEM_PROMETHEUS"
#: The characters of a token behind "Bearer". Source: RFC 6750, section 2.1.
TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
HIGHEST_PORT = 65_535

_TOKEN_OR_NONE = or_none(
    Rule(lambda value: TOKEN.fullmatch(value) is not None, "a token"),
    "None or a text of letters, digits and -._~+/",
)
_PATH_OR_NONE = or_none(
    Rule(lambda value: isinstance(value, str | Path) and bool(str(value)), "a path"),
    "None or a path",
)
_PORT_OR_NONE = or_none(whole_number(HIGHEST_PORT), f"None or a port from 1 to {HIGHEST_PORT}")


@dataclass(frozen=True, kw_only=True)
class PrometheusSettings:
    """The setting ``NOTIFICATION_SYSTEM_PROMETHEUS``: its keys are these names in capitals.

    Attributes:
        token: The token that a scrape sends as ``Authorization: Bearer …``; ``None``: only staff
            who may see notifications see the metrics.
        cache_seconds: The queue's figures are read again after this many seconds.
        file: The file in which all processes of a host add up their counts; ``None``: no sum.
        watch_port: The port on which ``process_notifications --watch`` serves its counts and the
            queue; ``None``: no port.
        watch_address: The address to listen on.
    """

    token: str | None = setting(None, _TOKEN_OR_NONE, repr=False)
    cache_seconds: float = setting(
        5, number(lambda value: value >= 0, "a number of seconds from 0")
    )
    file: str | Path | None = setting(None, _PATH_OR_NONE)
    watch_port: int | None = setting(None, _PORT_OR_NONE)
    watch_address: str = setting(
        "127.0.0.1", Rule(lambda value: isinstance(value, str) and bool(value), "an address")
    )


def prometheus_settings() -> PrometheusSettings:
    """Return the settings of the metrics."""
    values = getattr(settings, SETTING, None) or {}
    known = {each.name for each in fields(PrometheusSettings)}
    given = {name.lower(): value for name, value in values.items()}
    return PrometheusSettings(**{name: given[name] for name in known & set(given)})
