"""The app's settings: every name, default and type, read in this one place.

Settings are read when they are needed, so ``override_settings`` works in tests.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from django.conf import settings

TARGETS = "NOTIFICATION_SYSTEM_TARGETS"
HANDLERS = "NOTIFICATION_SYSTEM_HANDLERS"
CREATORS = "NOTIFICATION_SYSTEM_CREATORS"
ENGINE = "NOTIFICATION_SYSTEM"

WhenUnknown = Literal["retry", "fail"]
History = Literal["failed", "all", "none"]
Dispatch = Literal["on_commit"]


#: ``"10/s"``: a number, and of what span of time.
RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*([smhd])\s*")
SECONDS_OF_SPAN = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds_each(rate: str) -> float:
    """Return how many seconds a rate allows for each notification.

    Raises:
        ValueError: When it is no rate.
    """
    match = RATE.fullmatch(rate) if isinstance(rate, str) else None
    if match is None or not float(match[1]):
        raise ValueError(f"{rate!r} is no rate such as '10/s', '100/m' or '1000/h'.")
    return SECONDS_OF_SPAN[match[2]] / float(match[1])


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

    when_unknown: WhenUnknown = "retry"
    rate: str | None = None
    receipts_after: float = 15

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
        content_subtype: What bodies are, ``"plain"`` or ``"html"``, where ``extra`` does not say;
            by default it is told from each text.
    """

    from_email: str | None = None
    connections: int = 4
    timeout: float = 10
    content_subtype: Literal["plain", "html"] | None = None


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

    account_sid: str = ""
    auth_token: str = field(default="", repr=False)
    sender: str = ""
    messaging_service_sid: str = ""
    callback_url: str = ""
    base_url: str = "https://api.twilio.com"
    connections: int = 16
    timeout: float = 10


@dataclass(frozen=True, kw_only=True)
class ExpoSettings(TargetSettings):
    """The entry ``expo``.

    Attributes:
        access_token: Needed where the Expo project has push security switched on.
        base_url: Where the API is.
        connections: How many requests of up to 100 messages run at once.
        timeout: Seconds to wait for an answer.
    """

    access_token: str | None = field(default=None, repr=False)
    base_url: str = "https://exp.host"
    connections: int = 4
    timeout: float = 10


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """The setting ``NOTIFICATION_SYSTEM``, whose keys are these names in capitals.

    Attributes:
        batch_size: How many notifications a run claims at a time.
        lease_seconds: After how many seconds without progress another run may take them.
        record_every: After how many outcomes, at the latest, they are written down.
        pause_after: After how many failures in a row to reach a provider its target is paused.
        pause_seconds: For how long it is; then a single notification is tried first.
        history: Which attempts are kept: ``"failed"``, ``"all"`` or ``"none"``.
        hard_bounces: After how many hard bounces a record is switched off.
        retry_backoff: How the time between attempts grows; ``None``: it stays the same. See
            ``Backoff``.
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

    batch_size: int = 500
    lease_seconds: int = 300
    record_every: int = 50
    pause_after: int = 10
    pause_seconds: int = 60
    history: History = "failed"
    hard_bounces: int = 1
    retry_backoff: Mapping[str, float] | None = None
    override_recipients: Mapping[str, str] | None = None
    dispatch: Dispatch | None = None
    engine: str | None = None
    task_backend: str = "default"
    task_queues: Mapping[str, str] | None = None
    in_flight: int = 20
    priority_aging: float = 600
    max_interruptions: int = 3


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """The setting ``NOTIFICATION_SYSTEM["RETRY_BACKOFF"]``.

    Attributes:
        factor: How many times as long each interval is as the one before.
        ceiling: The longest interval in minutes, before ``jitter``; ``None``: there is none.
        jitter: The share by which each interval is made longer or shorter, by chance, so that
            what failed together is not tried again together.
    """

    factor: float = 2
    ceiling: float | None = None
    jitter: float = 0.1


#: The key in ``NOTIFICATION_SYSTEM_TARGETS`` of each built-in handler module, and its type.
BUILT_IN_TARGETS: Mapping[str, tuple[str, type[TargetSettings]]] = {
    "email": ("email", EmailSettings),
    "twilio": ("twilio_sms", TwilioSettings),
    "expo": ("expo", ExpoSettings),
}

#: The keys of targets that wait for a server, and their types.
TARGETS_WITH_TIMEOUT: Mapping[str, type[EmailSettings | TwilioSettings | ExpoSettings]] = {
    "email": EmailSettings,
    "twilio_sms": TwilioSettings,
    "expo": ExpoSettings,
}

Settings = TypeVar("Settings")


def email_settings() -> EmailSettings:
    """Return the settings of the email target."""
    return _from_mapping(EmailSettings, _target("email"))


def twilio_settings() -> TwilioSettings:
    """Return the settings of the Twilio target."""
    return _from_mapping(TwilioSettings, _target("twilio_sms"))


def expo_settings() -> ExpoSettings:
    """Return the settings of the Expo target."""
    return _from_mapping(ExpoSettings, _target("expo"))


def target_key(module_name: str) -> str:
    """Return a target's key in the settings, by its handler's module name."""
    key, _ = BUILT_IN_TARGETS.get(module_name, (module_name, TargetSettings))
    return key


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


def retry_backoff() -> Backoff | None:
    """Return how the time between attempts grows, or ``None`` where it stays the same."""
    values = engine_settings().retry_backoff
    return None if values is None else _from_mapping(Backoff, values)


def module_locations(setting: str) -> Sequence[str | Path]:
    """Return the entries of ``HANDLERS`` or ``CREATORS``; an empty one would name any folder."""
    return [location for location in getattr(settings, setting, None) or [] if location]


def _target(key: str) -> Mapping[str, Any]:
    targets = getattr(settings, TARGETS, None) or {}
    return targets.get(key) or {}


def _from_mapping(settings_class: type[Settings], values: Mapping[str, Any]) -> Settings:
    known = _names(settings_class)  # type: ignore[arg-type] # classes are hashable
    return settings_class(**{name: value for name, value in values.items() if name in known})


@cache
def _names(settings_class: Any) -> frozenset[str]:
    return frozenset(known_field.name for known_field in fields(settings_class))
