"""The app's settings: every name, default and type, read in this one place.

Settings are read when they are needed, so ``override_settings`` works in tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from django.conf import settings
from django.utils.translation import gettext as _

from .exceptions import TargetUnavailable
from .setting_rules import (
    CONNECTIONS,
    COUNT,
    MINUTES,
    RATE_OR_NONE,
    SECONDS,
    SECONDS_TO_WAIT,
    TEXT,
    WEB_ADDRESS,
    WEB_ADDRESS_OR_EMPTY,
    YEAR,
    Rule,
    dictionary_such_as,
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
    """What every target may set in its entry of ``NOTIFICATION_SYSTEM_TARGETS``.

    Attributes:
        when_unknown: What to do where nobody can know whether a message went out: ``"retry"``
            (at least once) or ``"fail"`` (at most once).
        rate: How many may be sent in a span of time, by all runs together, such as ``"10/s"``,
            ``"100/m"`` or ``"1000/h"``; ``None``: as many as go.
        receipts_after: Minutes after which the handler is asked what became of a message, where
            it can find out.
    """

    when_unknown: WhenUnknown = setting("retry", one_of("retry", "fail"))
    rate: str | None = setting(None, RATE_OR_NONE)
    receipts_after: float = setting(
        15,
        number(lambda value: 0 <= value < 24 * 60, "a number of minutes from 0 to below 1440"),
    )

    @property
    def seconds_each(self) -> float:
        """The seconds from one notification to the next; 0 where there is no rate."""
        return 0.0 if self.rate is None else seconds_each(self.rate)


@dataclass(frozen=True, kw_only=True)
class EmailSettings(TargetSettings):
    """The entry ``email``; Django's own mail settings say how to reach the server.

    Attributes:
        from_email: The sender; by default Django's ``DEFAULT_FROM_EMAIL``.
        connections: How many connections are open to the server at once.
        timeout: Seconds to wait for the server, where Django's mail settings name no time.
        transient_interval: Minutes from a first attempt that the server refuses for now, as one
            that greylists does, to the second, where the notification's own interval is longer;
            ``None``: its own counts.
        content_subtype: What bodies are, ``"plain"`` or ``"html"``, where ``extra`` does not say;
            by default it is told from each text.
    """

    from_email: str | None = setting(None, or_none(TEXT))
    connections: int = setting(4, CONNECTIONS)
    timeout: float = setting(10, SECONDS_TO_WAIT)
    transient_interval: float | None = setting(30, or_none(MINUTES))
    content_subtype: Literal["plain", "html"] | None = setting(
        None, or_none(one_of("plain", "html"))
    )


@dataclass(frozen=True, kw_only=True)
class TwilioSettings(TargetSettings):
    """The entry ``twilio_sms``.

    Attributes:
        account_sid: The account's identifier.
        auth_token: The account's secret.
        sender: The number that messages come from, in E.164 form.
        messaging_service_sid: A messaging service, in place of ``sender``.
        callback_url: The public address of ``contrib.twilio``'s view, for Twilio to report to.
        base_url: Where the API is.
        connections: How many requests run at once.
        timeout: Seconds to wait for an answer.
    """

    account_sid: str = setting("", TEXT)
    auth_token: str = setting("", TEXT, repr=False)
    sender: str = setting("", TEXT)
    messaging_service_sid: str = setting("", TEXT)
    callback_url: str = setting("", WEB_ADDRESS_OR_EMPTY, repr=False)
    base_url: str = setting("https://api.twilio.com", WEB_ADDRESS, repr=False)
    connections: int = setting(16, CONNECTIONS)
    timeout: float = setting(10, SECONDS_TO_WAIT)


@dataclass(frozen=True, kw_only=True)
class ExpoSettings(TargetSettings):
    """The entry ``expo``.

    Attributes:
        access_token: Needed where the Expo project has push security switched on.
        base_url: Where the API is.
        connections: How many requests of up to 100 messages run at once.
        timeout: Seconds to wait for an answer.
    """

    access_token: str | None = setting(None, or_none(TEXT), repr=False)
    base_url: str = setting("https://exp.host", WEB_ADDRESS, repr=False)
    connections: int = setting(4, CONNECTIONS)
    timeout: float = setting(10, SECONDS_TO_WAIT)


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """The setting ``NOTIFICATION_SYSTEM``, whose keys are these names in capitals.

    Attributes:
        batch_size: How many notifications a run claims at a time.
        lease_seconds: After how many seconds without progress another run may take them.
        record_every: After how many outcomes, at the latest, they are written down.
        pause_after: After how many failures in a row to reach a provider a run tries no more, and
            its target is paused; where fewer are due, after all of them.
        pause_seconds: For how long it is; then a single notification is tried first.
        history: Which attempts are kept: ``"failed"``, ``"all"`` or ``"none"``.
        hard_bounces: After how many hard bounces a record is switched off.
        retry: When what ``notify()`` made and failed is tried again; ``None``: as ``RetryPolicy``
            says by default.
        override_recipients: Where all messages of each target go, by the target's key in
            ``NOTIFICATION_SYSTEM_TARGETS``; ``None``: each goes to its own address.
        dispatch: ``"on_commit"`` hands what is due at once to the engine when the transaction that
            creates it commits; ``None``: it waits for the next run.
        engine: The dotted name of the module whose ``enqueue()`` hands a batch to a task engine.
        task_backend: Which backend of Django's ``TASKS`` is used by ``contrib.tasks``.
        task_queues: Which of its queues each target's batches go to, by the target's key in
            ``NOTIFICATION_SYSTEM_TARGETS``; the others go to ``"default"``.
        in_flight: How many batches of a target a task engine is given before it has delivered one.
        priority_aging: How long a wait, in seconds, a step of priority is worth; 0: priorities
            count for nothing.
        max_interruptions: After how many runs in a row that took a notification and died before
            they recorded its outcome it is given up.
    """

    batch_size: int = setting(500, COUNT)
    lease_seconds: int = setting(300, SECONDS)
    record_every: int = setting(50, COUNT)
    pause_after: int = setting(10, COUNT)
    pause_seconds: int = setting(60, SECONDS)
    history: History = setting("failed", one_of("failed", "all", "none"))
    hard_bounces: int = setting(1, whole_number(32_767))  # the largest that the column holds
    retry: Mapping[str, float] | None = setting(
        None, dictionary_such_as("{'first_interval': 1, 'factor': 5, 'attempts': 7}")
    )
    override_recipients: Mapping[str, str] | None = setting(
        None, dictionary_such_as("{'email': 'staging@example.com'}")
    )
    dispatch: Dispatch | None = setting(None, one_of("on_commit", None))
    engine: str | None = setting(None, or_none(TEXT, "the dotted name of a module, or None"))
    task_backend: str = setting("default", Rule(TEXT.test, "the name of a backend in TASKS"))
    task_queues: Mapping[str, str] | None = setting(None, dictionary_such_as("{'email': 'mail'}"))
    in_flight: int = setting(20, COUNT)
    priority_aging: float = setting(
        600,
        number(
            lambda value: 0 <= value <= YEAR,
            f"a number of seconds from 0 to {YEAR}, which is a year",
        ),
    )
    # At 1 a single death would be the end of all that were claimed with the one to blame.
    max_interruptions: int = setting(
        3,
        Rule(
            lambda value: COUNT.test(value) and 2 <= value <= 1000, "a whole number from 2 to 1000"
        ),
    )


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """The setting ``NOTIFICATION_SYSTEM["RETRY"]``.

    By default what failed is tried again after about 1, 5 and 25 minutes, 2, 10 and 24 hours.

    Attributes:
        first_interval: Minutes from the first failed attempt to the second.
        factor: How many times as long each interval is as the one before.
        ceiling: The longest interval in minutes, before ``jitter``; ``None``: there is none.
        attempts: How many attempts are made in all.
        jitter: The share by which each interval is made longer or shorter, by chance, so that
            what failed together is not tried again together.
    """

    first_interval: float = setting(1, MINUTES)
    factor: float = setting(5, number(lambda value: 1 <= value <= 1000, "a number from 1 to 1000"))
    ceiling: float | None = setting(1440, or_none(MINUTES))
    attempts: int = setting(7, whole_number(1000))
    jitter: float = setting(0.1, number(lambda value: 0 <= value < 1, "a number from 0 to below 1"))


#: The key in ``NOTIFICATION_SYSTEM_TARGETS`` of each built-in handler module, and its type.
BUILT_IN_TARGETS: Mapping[str, tuple[str, type[TargetSettings]]] = {
    "email": ("email", EmailSettings),
    "twilio": ("twilio_sms", TwilioSettings),
    "expo": ("expo", ExpoSettings),
}

#: The keys themselves, and their types.
KEYS_OF_BUILT_IN_TARGETS: Mapping[str, type[TargetSettings]] = dict(BUILT_IN_TARGETS.values())

#: The keys of targets that wait for a server, and their types.
TARGETS_WITH_TIMEOUT: Mapping[str, type[EmailSettings | TwilioSettings | ExpoSettings]] = {
    "email": EmailSettings,
    "twilio_sms": TwilioSettings,
    "expo": ExpoSettings,
}

Settings = TypeVar("Settings")


def email_settings() -> EmailSettings:
    """Return the settings of the email target.

    Raises:
        TargetUnavailable: When one of them is wrong.
    """
    return _right_settings(EmailSettings, "email")


def twilio_settings() -> TwilioSettings:
    """Return the settings of the Twilio target.

    Raises:
        TargetUnavailable: When one of them is wrong.
    """
    return _right_settings(TwilioSettings, "twilio_sms")


def expo_settings() -> ExpoSettings:
    """Return the settings of the Expo target.

    Raises:
        TargetUnavailable: When one of them is wrong.
    """
    return _right_settings(ExpoSettings, "expo")


def target_key(module_name: str) -> str:
    """Return a target's key in the settings, by its handler's module name."""
    key, _type = BUILT_IN_TARGETS.get(module_name, (module_name, TargetSettings))
    return key


def settings_class_of(key: Any) -> type[TargetSettings]:
    """Return the type of a target's settings, by the target's key."""
    return KEYS_OF_BUILT_IN_TARGETS.get(key, TargetSettings)


def target_settings(module_name: str) -> TargetSettings:
    """Return what a target of any kind may set.

    Args:
        module_name: Its handler's module name. A custom target's key is that name.
    """
    return _from_mapping(TargetSettings, _target(target_key(module_name)))


def engine_settings() -> EngineSettings:
    """Return the settings of the engine."""
    values = getattr(settings, ENGINE, None) or {}
    return _from_mapping(EngineSettings, {name.lower(): value for name, value in values.items()})


def retry_policy() -> RetryPolicy:
    """Return when what failed is tried again, where a notification has no interval of its own.

    A value that is wrong, which the system checks say, does not count: no delivery depends on it.
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
    """Return the entries of ``HANDLERS`` or ``CREATORS``; an empty one would name any folder."""
    return [location for location in getattr(settings, setting, None) or [] if location]


def _target(key: str) -> Mapping[str, Any]:
    targets = getattr(settings, TARGETS, None) or {}
    values = targets.get(key) if isinstance(targets, Mapping) else None
    return values if isinstance(values, Mapping) else {}


def _right_settings(settings_class: type[Settings], key: str) -> Settings:
    """Return a target's settings; a wrong one would cost each notification an attempt.

    Not every process runs the system checks: a worker of a task engine may not.
    """
    values = _target(key)
    for name, rule in rules_of(settings_class).items():
        value = values.get(name)
        is_missing = value is None and getattr(settings_class, name) == ""  # the handler says so
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
    return _from_mapping(settings_class, values)


def _from_mapping(settings_class: type[Settings], values: Mapping[str, Any]) -> Settings:
    known = _names(settings_class)  # type: ignore[arg-type] # classes are hashable
    return settings_class(**{name: value for name, value in values.items() if name in known})


@cache
def _names(settings_class: Any) -> frozenset[str]:
    return frozenset(known_field.name for known_field in fields(settings_class))
