"""The app's settings: every name, default and type, read in this one place.

A setting is read when needed, so ``override_settings`` works in tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from django.conf import settings
from django.utils.translation import gettext as _

from .exceptions import TargetUnavailable
from .setting_groups import ConsentSettings, ContentSettings, DeliverySettings, InboxSettings
from .setting_rules import (
    MINUTES,
    MINUTES_TO_RECEIPT,
    RATE_OR_NONE,
    number,
    one_of,
    or_none,
    rules_of,
    seconds_each,
    setting,
    whole_number,
)

TARGETS = "NOTIFICATION_SYSTEM_TARGETS"
HANDLERS = "NOTIFICATION_SYSTEM_HANDLERS"
CREATORS = "NOTIFICATION_SYSTEM_CREATORS"
ENGINE = "NOTIFICATION_SYSTEM"

WhenUnknown = Literal["retry", "fail"]


@dataclass(frozen=True, kw_only=True)
class TargetSettings:
    """The options of every target's entry in ``NOTIFICATION_SYSTEM_TARGETS``."""

    when_unknown: WhenUnknown = setting(
        "retry",
        one_of("retry", "fail"),
        "See :ref:`when-unknown`.",
    )
    rate: str | None = setting(
        None,
        RATE_OR_NONE,
        "How many may be sent in a span of time; see :ref:`rate`.",
    )
    receipts_after: float = setting(
        15,
        MINUTES_TO_RECEIPT,
        "Minutes after which the provider is asked what became of a message, and so its first"
        " ``receipt_due_at`` (:doc:`../howto/receipts`); below 1440. A change counts for "
        "messages that are sent from then on.",
    )

    @property
    def seconds_each(self) -> float:
        """The seconds from one notification to the next; 0 without a rate."""
        return 0.0 if self.rate is None else seconds_each(self.rate)


@dataclass(frozen=True, kw_only=True)
class EngineSettings(InboxSettings, ConsentSettings, ContentSettings, DeliverySettings):
    """The setting ``NOTIFICATION_SYSTEM``; its keys are these names in capitals.

    The documentation's table has the last group first, as dataclasses order inherited fields.
    """


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """The setting ``NOTIFICATION_SYSTEM["RETRY"]``.

    By default the retries come after about 1, 5 and 25 minutes, 2, 10 and 24 hours.
    """

    first_interval: float = setting(
        1,
        MINUTES,
        "Minutes from the first failed attempt to the second.",
    )
    factor: float = setting(
        5,
        number(lambda value: 1 <= value <= 1000, "a number from 1 to 1000"),
        "How many times as long each interval is as the one before; at least 1.",
    )
    ceiling: float | None = setting(
        1440,
        or_none(MINUTES),
        "The longest interval in minutes; 1440 is a day. ``None``: there is none.",
    )
    attempts: int = setting(
        7,
        whole_number(1000),
        "How many attempts are made in all, where ``notify()`` is given no ``max_retries``.",
    )
    jitter: float = setting(
        0.1,
        number(lambda value: 0 <= value < 1, "a number from 0 to below 1"),
        "The share by which each interval is made longer or shorter, by chance, so that what "
        "failed together is not tried again together: 0.1 makes 60 minutes 54 to 66, past the"
        " ceiling too.",
    )


Settings = TypeVar("Settings")


def engine_settings() -> EngineSettings:
    """Return the settings of the engine."""
    values = getattr(settings, ENGINE, None) or {}
    return settings_from(EngineSettings, {name.lower(): value for name, value in values.items()})


def retry_policy() -> RetryPolicy:
    """Return the policy of retries for notifications without an interval of their own.

    A wrong value, which the system checks report, is ignored: no delivery depends on the value.
    """
    values = engine_settings().retry
    if not isinstance(values, Mapping):
        return RetryPolicy()
    rules = rules_of(RetryPolicy)
    right: dict[str, Any] = {
        name: value for name, value in values.items() if name in rules and rules[name].allows(value)
    }
    return RetryPolicy(**right)


def module_locations(setting: str) -> Sequence[str | Path]:
    """Return the usable entries of ``HANDLERS`` or ``CREATORS``.

    An empty entry would name any folder. The system checks name the other entries.

    Args:
        setting: The setting's name.
    """
    locations = getattr(settings, setting, None)
    if not isinstance(locations, list | tuple):
        return []
    return [each for each in locations if isinstance(each, str | Path) and str(each)]


def target_values(key: str) -> Mapping[str, Any] | None:
    """Return a target's entry in ``NOTIFICATION_SYSTEM_TARGETS``, or ``None`` where there is none.

    Args:
        key: The target's key there.
    """
    targets = getattr(settings, TARGETS, None) or {}
    values = targets.get(key) if isinstance(targets, Mapping) else None
    return values if isinstance(values, Mapping) else None


def read_settings(settings_class: type[Settings], key: str) -> Settings:
    """Return a target's settings; a wrong value would cost each notification an attempt.

    Not every process runs the system checks: a worker of a task engine may not.

    Args:
        settings_class: The dataclass with the target's settings.
        key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.

    Raises:
        TargetUnavailable: When a value breaks its rule.
    """
    values = target_values(key) or {}
    for name, rule in rules_of(settings_class).items():
        value = values.get(name)
        is_missing = value is None and getattr(settings_class, name, None) == ""
        if name in values and not is_missing and not rule.allows(value):
            raise TargetUnavailable(
                _("%(option)s in the target's settings %(complaint)s. See %(setting)s.")
                % {
                    "option": name,
                    "complaint": (
                        _(rule.complaint) if rule.complaint else _("must be %s") % rule.expected
                    ),
                    "setting": f"{TARGETS}[{key!r}]",
                }
            )
    return settings_from(settings_class, values)


def settings_from(settings_class: type[Settings], values: Mapping[str, Any]) -> Settings:
    """Return settings with these values; undeclared names are ignored.

    Args:
        settings_class: The dataclass with the settings.
        values: Values by the settings' names.
    """
    known = _names(settings_class)  # type: ignore[arg-type] # classes are hashable
    return settings_class(**{name: value for name, value in values.items() if name in known})


@cache
def _names(settings_class: Any) -> frozenset[str]:
    return frozenset(known_field.name for known_field in fields(settings_class))
