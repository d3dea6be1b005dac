"""Shared by the checks: the engine's settings, wrong values, and parts that cannot be checked."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage

from .. import conf
from ..notification_handlers.checks import error
from ..setting_rules import Rule

_OUT_OF_THE_ORDINARY = "Use plain dictionaries, lists, texts and numbers."


def reported(name: str, part: Callable[[], Iterable[CheckMessage]]) -> Iterator[CheckMessage]:
    """Yield the messages of a part of the checks; an unreadable setting is an error too.

    Args:
        name: The setting's name.
        part: The part.
    """
    try:
        yield from part()
    except Exception as fault:
        # Without the error's own text, which may repeat a secret.
        yield error(13, f"{name} cannot be checked: {type(fault).__name__}.", _OUT_OF_THE_ORDINARY)


def engine_values() -> Mapping[str, Any]:
    """Return ``NOTIFICATION_SYSTEM``; empty where the setting is no dictionary."""
    values = getattr(settings, conf.ENGINE, None)
    return values if isinstance(values, Mapping) else {}


def wrong_values(name: str, values: Mapping[Any, Any], rules: Mapping[str, Rule]) -> Iterator[str]:
    """Yield a line for each wrong value.

    Args:
        name: The name of the setting with the values.
        values: The values, by option.
        rules: The rules, by option.
    """
    for option, rule in sorted(rules.items()):
        if option in values and not rule.allows(values[option]):
            yield f"{name}[{option!r}] must be {rule.expected}."
