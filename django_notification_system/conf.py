"""The app's settings: every name, default and type, read in this one place.

A setting is read when needed, so ``override_settings`` works in tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from .exceptions import TargetUnavailable
from .setting_rules import (
    COUNT,
    MINUTES,
    MINUTES_TO_RECEIPT,
    RATE_OR_NONE,
    SECONDS,
    TEXT,
    YEAR,
    YES_OR_NO,
    Rule,
    can_be_called,
    dictionary_such_as,
    is_email_address,
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
History = Literal["failed", "all", "none"]
Dispatch = Literal["on_commit"]


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
class EngineSettings:
    """The setting ``NOTIFICATION_SYSTEM``; its keys are these names in capitals."""

    batch_size: int = setting(
        500,
        COUNT,
        "How many notifications of a target a run claims at a time.",
    )
    lease_seconds: int = setting(
        300,
        SECONDS,
        "After how many seconds without progress another run may take them. It must be longer"
        " than a handler's longest call.",
    )
    record_every: int = setting(
        50,
        COUNT,
        "After how many outcomes, at the latest, they are written down; usually after a tenth"
        " of a second. While so many wait to be written down, a handler sends nothing more "
        "(:doc:`../explanation/promises`).",
    )
    pause_after: int = setting(
        10,
        COUNT,
        "After how many failures in a row to reach a provider a run tries no more of what is "
        "due. Where fewer are due, it tries all of them. The target is paused in either case.",
    )
    pause_seconds: int = setting(
        60,
        SECONDS,
        "For how long it is paused, where the provider names no time. Then a single "
        "notification is tried first.",
    )
    history: History = setting(
        "failed",
        one_of("failed", "all", "none"),
        'Which attempts are kept as ``NotificationAttempt``: ``"failed"`` keeps those that '
        'did not deliver, and messages that a provider later reports as failed; ``"all"`` '
        'keeps deliveries and confirmations too; ``"none"`` keeps none.',
    )
    hard_bounces: int = setting(
        1,
        whole_number(32_767),
        "After how many answers that there is no such address (an email's ``550 5.1.1``) its "
        "record is switched off.",
    )  # the largest number in the column
    retry: Mapping[str, float] | None = setting(
        None,
        dictionary_such_as("{'first_interval': 1, 'factor': 5, 'attempts': 7}"),
        "When, and how often, what ``notify()`` made and failed is tried again: a dictionary,"
        " see `when it is tried again`_.",
    )
    override_recipients: Mapping[str, str] | None = setting(
        None,
        dictionary_such_as("{'email': 'staging@example.com'}"),
        "Where all messages go on a site for trials, by the target's key in "
        "``NOTIFICATION_SYSTEM_TARGETS``. A target that a non-empty dictionary does not name "
        "is held. See :doc:`../howto/staging`.",
    )
    dispatch: Dispatch | None = setting(
        None,
        one_of("on_commit", None),
        '``"on_commit"`` hands what is due at once to the ``ENGINE`` when the transaction '
        "that creates it commits (:doc:`../howto/on_commit`). ``None``: it waits for the next"
        " run.",
    )
    engine: str | None = setting(
        None,
        or_none(TEXT, "the dotted name of a module, or None"),
        "The dotted name of the module whose ``enqueue()`` hands a batch to a task engine "
        "(:doc:`engines`).",
    )
    task_backend: str = setting(
        "default",
        Rule(TEXT.test, "the name of a backend in TASKS"),
        "Which backend of Django's ``TASKS`` delivers, where ``ENGINE`` is "
        "``django_notification_system.contrib.tasks`` (:doc:`../howto/tasks`).",
    )
    task_queues: Mapping[str, str] | None = setting(
        None,
        dictionary_such_as("{'email': 'mail'}"),
        "Which of that backend's queues each target's batches go to, by the target's key in "
        '``NOTIFICATION_SYSTEM_TARGETS``, such as ``{"email": "mail"}``. The others go to '
        '``"default"`` or, where the backend has no such queue, to the first by name.',
    )
    in_flight: int = setting(
        20,
        COUNT,
        "How many batches of a target a task engine is given before it has delivered one of "
        "them. Have at least as many as processes deliver to the target, and no more than "
        "they deliver within ``LEASE_SECONDS``. More may be in flight while more than "
        "``IN_FLIGHT`` times ``BATCH_SIZE`` are due (:doc:`engines`).",
    )
    priority_aging: float = setting(
        600,
        number(
            lambda value: 0 <= value <= YEAR,
            f"a number of seconds from 0 to {YEAR}, which is a year",
        ),
        "How long a wait a step of a notification's ``priority`` is worth, in seconds. A "
        "smaller number lets what has waited catch up sooner; with 0 priorities count for "
        "nothing.",
    )
    max_attachments_mb: float = setting(
        10,
        number(lambda value: 0 < value <= 1024, "a number of MiB above 0, at most 1024"),
        "How large the attachments of a notification may be together, in MiB. Mail servers often "
        "take no more than 10 or 25.",
    )
    keep_bodies: float | None = setting(
        None,
        or_none(
            number(lambda value: 0 <= value <= 36_500, "a number of days from 0 to 36500"),
            "a number of days from 0 to 36500, or None",
        ),
        "For how many days after its delivery a notification keeps body, ``extra`` and "
        "attachments: ``purge_notifications`` removes those of older ones (:doc:`../howto/purge`)."
        " ``None``: as long as its row.",
    )
    base_url: str | None = setting(
        None,
        or_none(
            Rule(
                lambda value: (
                    can_be_called(value)
                    and urlsplit(value).path in ("", "/")
                    and not urlsplit(value).query
                    and not urlsplit(value).fragment
                ),
                "a URL",
            ),
            "the site's scheme and host, such as 'https://www.example.com', or None",
        ),
        "The site's scheme and host, such as ``https://www.example.com``, for links in messages: a "
        "command has no request. With it, emails of a category with ``one_click`` get headers and "
        "links to unsubscribe (:doc:`../howto/unsubscribe`).",
    )
    unsubscribe_mailto: str | None = setting(
        None,
        or_none(
            Rule(is_email_address, "an email address"),
            "an email address, or None",
        ),
        "The address that takes unsubscriptions by mail (:doc:`../howto/unsubscribe`).",
    )
    unsubscribe_footer: bool = setting(
        True,
        YES_OR_NO,
        "Whether an email of a category with ``one_click`` ends with links to unsubscribe, where "
        "its own text has none.",
    )
    keep_ip: bool = setting(
        False,
        YES_OR_NO,
        "Whether the log of consent keeps the IP address of a yes (:doc:`preferences`).",
    )
    suppression_key: str | None = setting(
        None,
        or_none(
            Rule(lambda value: isinstance(value, str) and len(value) >= 16, "a text"),
            "a text of at least 16 characters, or None",
        ),
        "The secret key of the hashes of suppressed addresses. Set it before the first "
        "suppression, and never change it: with another key the hashes fit no address. "
        "``None``: ``SECRET_KEY``, which is rotated at times.",
        repr=False,
    )
    # With 1, a single death would end all rows of the claim, guilty or not.
    max_interruptions: int = setting(
        3,
        Rule(
            lambda value: COUNT.test(value) and 2 <= value <= 1000, "a whole number from 2 to 1000"
        ),
        "After how many runs in a row that took a notification and died before they recorded "
        "its outcome it is given up. From 2 to 1000 (:doc:`../explanation/promises`).",
    )


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
