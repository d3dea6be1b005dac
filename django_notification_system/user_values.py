"""The language and the time zone of users, as ``NOTIFICATION_SYSTEM`` says where to find them."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured, ObjectDoesNotExist
from django.utils.module_loading import import_string
from django.utils.translation import get_supported_language_variant

from .conf import engine_settings

logger = logging.getLogger("django_notification_system")


@dataclass(frozen=True)
class Path:
    """A way over fields of the user, such as ``profile.language``.

    Attributes:
        lookup: The way for a query, such as ``profile__language``.
        relation: The part to be joined, such as ``profile``; empty for a field of the user itself.
        attributes: The names of the attributes on instances.
    """

    lookup: str
    relation: str
    attributes: tuple[str, ...]

    def of_user(self, user: Any) -> Any:
        """Return the value at the end, ``None`` where the way breaks off.

        Args:
            user: The user.
        """
        value = user
        for name in self.attributes:
            try:
                value = getattr(value, name, None)
            except ObjectDoesNotExist:
                return None
        return value


@dataclass(frozen=True)
class Function:
    """A function of the project's: takes users' keys, and returns the values by key."""

    call: Callable[[Collection[Any]], Mapping[Any, Any]]


def find_way(setting: str) -> Path | Function:
    """Return the way to a value of users.

    Args:
        setting: The value of the setting: a path over fields of the user, or the dotted name of a
            function.

    Raises:
        ImproperlyConfigured: When there is no such field or function; the message says which part.
    """
    return _find_way(setting, get_user_model())


def language_way() -> Path | Function | None:
    """Return the way to a user's language, or ``None`` without one."""
    return _known_way(engine_settings().user_language, get_user_model())


def time_zone_way() -> Path | Function | None:
    """Return the way to a user's time zone, or ``None`` without one."""
    return _known_way(engine_settings().user_time_zone, get_user_model())


def relations_to_join() -> list[str]:
    """Return the relations of the user that hold language and time zone."""
    ways = (language_way(), time_zone_way())
    return sorted({way.relation for way in ways if isinstance(way, Path) and way.relation})


def values_of(way: Path | Function | None, users: Iterable[Any]) -> Mapping[Any, Any]:
    """Return the value for each user, by key.

    Args:
        way: The way to the value.
        users: The users; a path's relations are loaded.
    """
    by_key = {user.pk: user for user in users}
    if way is None or not by_key:
        return {}
    if isinstance(way, Function):
        return way.call(list(by_key))
    return {key: way.of_user(user) for key, user in by_key.items()}


def known_language(value: Any) -> str:
    """Return the language among ``LANGUAGES`` that serves a value; else the project's own.

    Args:
        value: A code such as ``de-at``, or anything else.
    """
    for code in (value, settings.LANGUAGE_CODE):
        if isinstance(code, str) and code:
            try:
                return get_supported_language_variant(code)
            except LookupError:
                continue
    return settings.LANGUAGE_CODE


def known_time_zone(value: Any) -> tzinfo | None:
    """Return the time zone for a value; ``None`` (the project's own) where there is none.

    Args:
        value: A name such as ``Europe/Berlin``, a time zone, or anything else.
    """
    if isinstance(value, tzinfo):
        return value
    return _zone(value) if isinstance(value, str) and value else None


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        logger.warning("A user has the time zone %.50r, which is unknown here.", name)
        return None


@lru_cache(maxsize=32)
def _known_way(setting: Any, user_model: Any) -> Path | Function | None:
    """Return the way; a wrong setting, which the system checks report, is ignored."""
    if not isinstance(setting, str) or not setting:
        return None
    try:
        return _find_way(setting, user_model)
    except ImproperlyConfigured as error:
        logger.error("A setting of users' values is ignored: %s", error)
        return None


def _find_way(setting: str, user_model: Any) -> Path | Function:
    names = setting.replace("__", ".").split(".")
    if _is_field(user_model, names[0]):
        return _path(user_model, names)
    try:
        function = import_string(setting)
    except ImportError:
        raise ImproperlyConfigured(
            f"{setting!r} is neither a field of {user_model.__name__}, nor does it name a function."
        ) from None
    if not callable(function):
        raise ImproperlyConfigured(f"{setting!r} names a {type(function).__name__}, no function.")
    return Function(function)


def _is_field(model: Any, name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def _path(model: Any, names: list[str]) -> Path:
    attributes = []
    for place, name in enumerate(names):
        if model is None or not _is_field(model, name):
            before = "The user" if place == 0 else repr(".".join(names[:place]))
            raise ImproperlyConfigured(f"{before} has no field {name!r}.")
        field = model._meta.get_field(name)
        if field.many_to_many or field.one_to_many:
            raise ImproperlyConfigured(f"{name!r} leads to many rows; a user has one value.")
        attributes.append(
            field.get_accessor_name() if field.auto_created and field.is_relation else name
        )
        model = field.related_model
    return Path("__".join(names), "__".join(names[:-1]), tuple(attributes))
