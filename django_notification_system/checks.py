"""System checks of the settings: what is wrong is said at start, with the setting's name."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from math import isfinite
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from . import conf
from .exceptions import TargetUnavailable
from .modules import as_folder, import_dotted, is_importable

#: What each built-in target's client is called, and the extra that brings it.
CLIENTS = {"twilio_sms": ("twilio", "twilio"), "expo": ("exponent_server_sdk", "expo")}


def _is_positive_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_positive_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_rate(value: Any) -> bool:
    try:
        return value is None or conf.seconds_each(value) > 0
    except ValueError:
        return False


def _is_url(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


#: What a value must be, and how to say so.
RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "connections": (_is_positive_integer, "a whole number above 0"),
    "timeout": (_is_positive_number, "a number of seconds above 0"),
    "base_url": (_is_url, "an http or https URL"),
    "when_unknown": (lambda value: value in ("retry", "fail"), '"retry" or "fail"'),
    "rate": (_is_rate, 'a rate such as "10/s", "100/m" or "1000/h", or None'),
    "receipts_after": (
        lambda value: _is_number(value) and 0 <= value < 24 * 60,
        "a number of minutes from 0 to below 1440",
    ),
    "from_email": (_is_text_or_none, "a string"),
    "content_subtype": (lambda value: value in (None, "plain", "html"), '"plain" or "html"'),
    "access_token": (_is_text_or_none, "a string or None"),
    "account_sid": (_is_text, "a string"),
    "auth_token": (_is_text, "a string"),
    "sender": (_is_text, "a string"),
    "messaging_service_sid": (_is_text, "a string"),
    "callback_url": (lambda value: value == "" or _is_url(value), "an http or https URL"),
    "batch_size": (_is_positive_integer, "a whole number above 0"),
    "lease_seconds": (_is_positive_integer, "a whole number of seconds above 0"),
    "record_every": (_is_positive_integer, "a whole number above 0"),
    "pause_after": (_is_positive_integer, "a whole number above 0"),
    "pause_seconds": (_is_positive_integer, "a whole number of seconds above 0"),
    "history": (lambda value: value in ("failed", "all", "none"), '"failed", "all" or "none"'),
    "hard_bounces": (_is_positive_integer, "a whole number above 0"),
    "retry_backoff": (
        lambda value: value is None or isinstance(value, Mapping),
        "None or a dictionary, such as {'factor': 2, 'ceiling': 1440, 'jitter': 0.1}",
    ),
    "override_recipients": (
        lambda value: value is None or isinstance(value, Mapping),
        "None or a dictionary, such as {'email': 'staging@example.com'}",
    ),
    "dispatch": (lambda value: value in (None, "on_commit"), '"on_commit" or None'),
    "engine": (_is_text_or_none, "the dotted name of a module, or None"),
    "task_backend": (_is_text, "the name of a backend in TASKS"),
    "task_queues": (
        lambda value: value is None or isinstance(value, Mapping),
        "None or a dictionary, such as {'email': 'mail'}",
    ),
    "in_flight": (_is_positive_integer, "a whole number above 0"),
    "priority_aging": (
        lambda value: _is_number(value) and 0 <= value <= 365 * 86_400,
        "a number of seconds from 0 to 31536000, which is a year",
    ),
    # At 1 a single death would be the end of all that were claimed with the one to blame.
    "max_interruptions": (
        lambda value: _is_positive_integer(value) and 2 <= value <= 1000,
        "a whole number from 2 to 1000",
    ),
}


#: The same for the parts of ``RETRY_BACKOFF``.
BACKOFF_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "factor": (lambda value: _is_number(value) and value >= 1, "a number from 1"),
    "ceiling": (
        lambda value: value is None or (_is_number(value) and value > 0),
        "a number of minutes above 0, or None",
    ),
    "jitter": (lambda value: _is_number(value) and 0 <= value < 1, "a number from 0 to below 1"),
}


def _error(number: int, message: str, hint: str | None = None) -> Error:
    return Error(message, hint=hint, id=f"django_notification_system.E{number:03}")


def _warning(number: int, message: str, hint: str | None = None) -> checks.Warning:
    return checks.Warning(message, hint=hint, id=f"django_notification_system.W{number:03}")


@checks.register()
def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check all settings of this app."""
    return [
        *_check_targets(),
        *_check_engine(),
        *_check_backoff(),
        *_check_overrides(),
        *_check_task_engine(),
        *_check_lease(),
        *_check_locations(conf.HANDLERS),
        *_check_locations(conf.CREATORS),
    ]


def _check_targets() -> Iterator[CheckMessage]:
    targets = getattr(settings, conf.TARGETS, None) or {}
    if not isinstance(targets, Mapping):
        yield _error(1, f"{conf.TARGETS} must be a dictionary, such as {{'email': {{}}}}.")
        return
    types = dict(conf.BUILT_IN_TARGETS.values())
    for key, values in targets.items():
        name = f"{conf.TARGETS}[{key!r}]"
        if not isinstance(values, Mapping):
            yield _error(1, f"{name} must be a dictionary.")
            continue
        known = {field.name for field in fields(types.get(key, conf.TargetSettings))}
        yield from _check_values(name, values, known)
        if key in types:
            yield from _check_names(name, set(values), known)
        if key == "twilio_sms":
            yield from _check_twilio(name, values)
        yield from _check_client(name, key, values)


def _check_engine() -> Iterator[CheckMessage]:
    values = getattr(settings, conf.ENGINE, None) or {}
    if not isinstance(values, Mapping):
        yield _error(2, f"{conf.ENGINE} must be a dictionary, such as {{'BATCH_SIZE': 500}}.")
        return
    known = {field.name.upper() for field in fields(conf.EngineSettings)}
    yield from _check_names(conf.ENGINE, set(values), known)
    yield from _check_values(conf.ENGINE, values, known)


def _check_backoff() -> Iterator[CheckMessage]:
    engine = getattr(settings, conf.ENGINE, None) or {}
    values = engine.get("RETRY_BACKOFF") if isinstance(engine, Mapping) else None
    if not isinstance(values, Mapping):
        return  # the other checks say so
    name = f"{conf.ENGINE}['RETRY_BACKOFF']"
    yield from _check_names(name, set(values), set(BACKOFF_RULES))
    for option, (is_right, expected) in BACKOFF_RULES.items():
        if option in values and not is_right(values[option]):
            yield _error(8, f"{name}[{option!r}] must be {expected}.")


def _check_overrides() -> Iterator[CheckMessage]:
    engine = getattr(settings, conf.ENGINE, None) or {}
    values = engine.get("OVERRIDE_RECIPIENTS") if isinstance(engine, Mapping) else None
    if not isinstance(values, Mapping):
        return  # the other checks say so
    for key, address in values.items():
        name = f"{conf.ENGINE}['OVERRIDE_RECIPIENTS'][{key!r}]"
        if (right := conf.target_key(str(key))) != key:
            yield _error(9, f"{name} names a module and no target.", hint=f"Write {right!r}.")
        elif not isinstance(address, str) or not address.strip() or not address.isprintable():
            yield _error(9, f"{name} must be an address.")
        elif key == "email":
            try:
                validate_email(address.strip())
            except ValidationError:
                yield _error(9, f"{name} is no email address: {address}")


def _check_task_engine() -> Iterator[CheckMessage]:
    engine = getattr(settings, conf.ENGINE, None) or {}
    dotted = engine.get("ENGINE") if isinstance(engine, Mapping) else None
    if dotted is None and isinstance(engine, Mapping) and engine.get("DISPATCH") == "on_commit":
        yield _error(
            11,
            f"{conf.ENGINE}['DISPATCH'] is set, but {conf.ENGINE}['ENGINE'] names no task engine:"
            " nothing is handed over.",
            hint="Add the ENGINE, such as 'django_notification_system.contrib.tasks', or leave"
            " DISPATCH out and let `process_notifications --watch` run.",
        )
    if not isinstance(dotted, str):
        return  # the other checks say so
    name = f"{conf.ENGINE}['ENGINE']"
    try:
        module = import_dotted(dotted)
    except TargetUnavailable as error:
        yield _error(10, f"{name}: {error}")
        return
    if not callable(getattr(module, "enqueue", None)):
        yield _error(
            10,
            f"{name} names a module without enqueue(): {dotted}",
            hint="Correct it, or add the function, which takes a ClaimedBatch.",
        )
    elif callable(problems := getattr(module, "problems", None)):
        for message, hint in problems():
            yield _error(12, message, hint=hint)


def _check_lease() -> Iterator[CheckMessage]:
    """Compare the lease with the longest time that a single send may take."""
    engine = getattr(settings, conf.ENGINE, None) or {}
    targets = getattr(settings, conf.TARGETS, None) or {}
    if not isinstance(engine, Mapping) or not isinstance(targets, Mapping):
        return  # the other checks say so
    lease = engine.get("LEASE_SECONDS", conf.EngineSettings.lease_seconds)
    timeouts = [
        values.get("timeout", settings_class.timeout)
        for key, settings_class in conf.TARGETS_WITH_TIMEOUT.items()
        if isinstance(values := targets.get(key, {}), Mapping)
    ]
    if not all(map(_is_positive_number, [lease, *timeouts])) or lease > max(timeouts, default=0):
        return
    yield _warning(
        3,
        f"{conf.ENGINE}['LEASE_SECONDS'] is {lease}, and a send may take {max(timeouts)} seconds:"
        " another run would send what is still on its way.",
        hint="Make the lease several times as long as the longest timeout.",
    )


def _check_names(name: str, given: set[Any], known: set[str]) -> Iterator[CheckMessage]:
    for unknown in sorted(given - known, key=str):
        yield _warning(
            1,
            f"{name} has no option {unknown!r}; it is ignored.",
            hint=f"The options are: {', '.join(sorted(known))}.",
        )


def _check_values(name: str, values: Mapping[Any, Any], known: set[str]) -> Iterator[CheckMessage]:
    for option in sorted(known & set(values)):
        is_right, expected = RULES[option.lower()]
        if not is_right(values[option]):
            yield _error(3, f"{name}[{option!r}] must be {expected}.")


def _check_twilio(name: str, values: Mapping[str, Any]) -> Iterator[CheckMessage]:
    # Empty strings are how release 1.5.3 told people to leave Twilio unused.
    if not values.get("account_sid"):
        return
    if not values.get("auth_token"):
        yield _error(4, f"{name} has an account_sid but no auth_token.", hint="Add the token.")
    if not values.get("sender") and not values.get("messaging_service_sid"):
        yield _error(
            4,
            f"{name} says not where messages come from.",
            hint="Add a 'sender' (a number such as +15005550006) or a 'messaging_service_sid'.",
        )


def _check_client(name: str, key: str, values: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if key not in CLIENTS or (key == "twilio_sms" and not values.get("account_sid")):
        return
    client, extra = CLIENTS[key]
    if importlib.util.find_spec(client) is None:
        yield _warning(
            2,
            f"{name} is set, but its client {client!r} is not installed.",
            hint=f"Install it: pip install django-notification-system[{extra}]",
        )


def _check_locations(setting: str) -> Iterator[CheckMessage]:
    locations = getattr(settings, setting, None) or []
    if isinstance(locations, str) or not isinstance(locations, list | tuple):
        yield _error(5, f"{setting} must be a list of folders and dotted package names.")
        return
    for index, location in enumerate(locations):
        yield from _check_location(f"{setting}[{index}]", location)


def _check_location(name: str, location: Any) -> Iterator[CheckMessage]:
    if not location or not isinstance(location, str | Path):
        yield _error(5, f"{name} must be a folder or a dotted package name.")
        return
    try:
        folder = as_folder(location)
    except TargetUnavailable as error:
        yield _error(7, f"{name}: {error}")
        return
    if folder is not None:
        if not folder.is_dir():
            yield _error(
                6,
                f"{name} names a folder that does not exist: {folder}",
                hint="Correct it, or create the folder.",
            )
        return
    try:
        if is_importable(str(location)):
            import_dotted(str(location))
            return
    except TargetUnavailable as error:
        yield _error(7, f"{name}: {error}")
        return
    yield _error(
        7,
        f"{name} names a package that does not exist: {location}",
        hint="Correct it; a folder is written with a slash, such as './handlers'.",
    )
