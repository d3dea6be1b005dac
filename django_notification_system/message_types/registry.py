"""The known types, by their keys.

A project registers its types in modules named ``notification_types``, one in any app; Django
imports these modules at start, in every process.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from django.apps import apps
from django.core.exceptions import AppRegistryNotReady, ImproperlyConfigured

from .declaration import MessageType, parameters_of

Type = TypeVar("Type", bound=MessageType)

#: The app's label and a name, such as ``shop.OrderShipped``.
KEY = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)+", re.ASCII)
KEY_MAX_LENGTH = 100

_types: dict[str, type[MessageType]] = {}


def register(cls: type[Type]) -> type[Type]:
    """Make a type known under its key, and return the type: a decorator.

    Args:
        cls: The type. The same class may be registered again.

    Raises:
        ImproperlyConfigured: When another type has the key, the key has the wrong form, or a
            parameter's annotation cannot be used.
    """
    if not (isinstance(cls, type) and issubclass(cls, MessageType)):
        raise ImproperlyConfigured(f"register() takes a class of NotificationType, not {cls!r}.")
    key = _key(cls)
    known = _types.get(key)
    if known is not None and _module_and_name(known) != _module_and_name(cls):
        raise ImproperlyConfigured(
            f"Two types have the key {key!r}: {'.'.join(_module_and_name(known))} and"
            f" {'.'.join(_module_and_name(cls))}. Give one of them a key of its own."
        )
    if apps.models_ready:
        parameters_of(cls)
    cls.key = key
    _types[key] = cls
    return cls


def all_types() -> list[type[MessageType]]:
    """Return the known types, in the order of their registration."""
    return list(_types.values())


def find_type(key: str) -> type[MessageType] | None:
    """Return the type with a key; ``None`` where no type has the key.

    Args:
        key: The key.
    """
    return _types.get(key)


def is_known(cls: type[MessageType]) -> bool:
    """Tell whether a type is registered: a subclass of a registered type is another type.

    Args:
        cls: The type.
    """
    return _types.get(cls.key) is cls


@contextmanager
def known_types(*classes: type[MessageType]) -> Iterator[Mapping[str, type[MessageType]]]:
    """Have these types and no others, for a test.

    Args:
        *classes: The types.
    """
    global _types
    before = _types
    _types = {}
    try:
        for cls in classes:
            register(cls)
        yield _types
    finally:
        _types = before


def _key(cls: type[MessageType]) -> str:
    key: Any = cls.__dict__.get("key") or f"{_app_label(cls)}.{cls.__name__}"
    if not isinstance(key, str) or not KEY.fullmatch(key) or len(key) > KEY_MAX_LENGTH:
        raise ImproperlyConfigured(
            f"{cls.__qualname__} has the key {key!r}: write the app and a name with a dot between,"
            f" such as 'shop.OrderShipped', at most {KEY_MAX_LENGTH} characters."
        )
    return key


def _app_label(cls: type[MessageType]) -> str:
    try:
        config = apps.get_containing_app_config(cls.__module__)
    except AppRegistryNotReady:
        config = None
    # A module outside of all apps, or one that Django imports before the apps are known.
    return cls.__module__.partition(".")[0] if config is None else config.label


def _module_and_name(cls: type[MessageType]) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__
