"""The setting ``NOTIFICATION_SYSTEM_PROMETHEUS``."""

from dataclasses import dataclass, field, fields
from pathlib import Path

from django.conf import settings

SETTING = "NOTIFICATION_SYSTEM_PROMETHEUS"


@dataclass(frozen=True, kw_only=True)
class PrometheusSettings:
    """The setting ``NOTIFICATION_SYSTEM_PROMETHEUS``, whose keys are these names in capitals.

    Attributes:
        token: What a scrape of the view shows as ``Authorization: Bearer …``; ``None``: only staff
            who may see notifications see the metrics.
        cache_seconds: For so many seconds the queue is not looked at again.
        file: Where all processes of a host add up what they count; ``None``: each counts alone.
        watch_port: The port on which ``process_notifications --watch`` serves what it counts and
            the queue; ``None``: it serves nothing.
        watch_address: The address to listen on.
    """

    token: str | None = field(default=None, repr=False)
    cache_seconds: float = 5
    file: str | Path | None = None
    watch_port: int | None = None
    watch_address: str = "127.0.0.1"


def prometheus_settings() -> PrometheusSettings:
    """Return the settings of the metrics."""
    values = getattr(settings, SETTING, None) or {}
    known = {each.name for each in fields(PrometheusSettings)}
    given = {name.lower(): value for name, value in values.items()}
    return PrometheusSettings(**{name: given[name] for name in known & set(given)})
