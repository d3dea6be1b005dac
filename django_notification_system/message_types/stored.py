"""A type with its parameters in a notification's ``extra``, and the instance again."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields
from typing import Any

from django.db import DatabaseError, connections
from django.utils.translation import gettext as _

from ..database import is_passing
from ..exceptions import InvalidNotification
from .declaration import OWN_EXTRA, MessageType, parameters_of
from .instances import read_objects
from .kinds import DoesNotFit, Kind, Objects, Reference
from .registry import KEY, find_type, is_known


class UnknownType(Exception):
    """No type of this process has the key: a newer process made the notification."""


class UnusableParameters(Exception):
    """The stored parameters fit the class no more; the message says which."""


@dataclass(frozen=True)
class Stored:
    """A type's key and its parameters, as stored.

    Attributes:
        key: The key.
        params: The parameters in JSON, by name.
        language: The language's code, where the recipient has no account.
    """

    key: str
    params: dict[str, Any]
    language: str = ""

    def references(self) -> Iterator[Reference]:
        """Yield the objects that the parameters name.

        Raises:
            UnknownType: When no type has the key.
            UnusableParameters: When a value does not fit its parameter.
        """
        for name, kind in parameters_of(self._cls()).items():
            if name in self.params:
                yield from self._references(name, kind)

    def relations(self) -> Iterator[tuple[str, str]]:
        """Yield the relations to be read with the objects: a model's label, and a lookup.

        Raises:
            UnknownType: When no type has the key.
            UnusableParameters: When a value does not fit its parameter.
        """
        cls = self._cls()
        for name, lookups in cls.prefetch_related.items():
            kind = parameters_of(cls).get(name)
            if kind is not None and name in self.params:
                labels = {label for label, _pk in self._references(name, kind)}
                yield from ((label, lookup) for label in labels for lookup in lookups)

    def instance(self, objects: Objects) -> MessageType:
        """Return the instance. A stored parameter that the class has no more is left out.

        Args:
            objects: The objects of all references.

        Raises:
            UnknownType: When no type has the key.
            UnusableParameters: When a value is missing, or does not fit its parameter.
            ObjectGone: When an object does not exist any more.
        """
        cls = self._cls()
        values = {}
        for name, kind in parameters_of(cls).items():
            if name in self.params:
                try:
                    values[name] = kind.of_json(self.params[name], objects)
                except DoesNotFit as fault:
                    raise self._unusable(name, fault) from None
        if missing := [name for name in _required(cls) if name not in values]:
            raise UnusableParameters(
                f"Not sent: {self.key} needs {', '.join(missing)}, and the notification is older"
                " than this parameter. Give the parameter a default."
            )
        return cls(**values)

    def _references(self, name: str, kind: Kind) -> list[Reference]:
        try:
            return list(kind.references(self.params[name]))
        except DoesNotFit as fault:
            raise self._unusable(name, fault) from None

    def _cls(self) -> type[MessageType]:
        cls = find_type(self.key)
        if cls is None:
            raise UnknownType(self.key)
        return cls

    def _unusable(self, name: str, fault: DoesNotFit) -> UnusableParameters:
        return UnusableParameters(
            f"Not sent: the stored value of {name} is no {fault}, as {self.key} wants it."
        )


def stored_of(extra: Any, body: str = "") -> Stored | None:
    """Return the type in a notification's ``extra``, or ``None`` for any other notification.

    A notification of a type has no body, and its type's key has a dot; so other notifications with
    ``type`` and ``params`` in ``extra`` go on as before.

    Args:
        extra: The ``extra``.
        body: The stored body.
    """
    if not isinstance(extra, dict) or body or "template_name" in extra:
        return None
    key, params = extra.get("type"), extra.get("params")
    if not isinstance(key, str) or not isinstance(params, dict) or not KEY.fullmatch(key):
        return None
    language = extra.get("language")
    return Stored(key, params, language if isinstance(language, str) else "")


def objects_of(typed: Iterable[Stored]) -> Objects | DatabaseError:
    """Return the objects among parameters, or the error of a table that cannot be read.

    A table that a migration is still to make spoils the messages with its objects, and no page and
    no run. Parameters that cannot be used are left out: ``Stored.instance()`` tells them.

    Args:
        typed: The types with their parameters.

    Raises:
        DatabaseError: When the database is out of reach for longer than a caller waits.
    """
    references: list[Reference] = []
    relations: list[tuple[str, str]] = []
    for stored in typed:
        with suppress(UnknownType, UnusableParameters):
            references += stored.references()
            relations += stored.relations()
    try:
        return read_objects(references, relations)
    except DatabaseError as error:
        if any(is_passing(error, connections[alias].vendor) for alias in connections):
            raise
        return error


def extra_of(message: MessageType) -> dict[str, Any]:
    """Return a message's ``type`` and ``params`` for ``extra``.

    Args:
        message: An instance of a registered type.

    Raises:
        InvalidNotification: When the type is not registered, or a parameter cannot be stored.
    """
    cls = type(message)
    if not is_known(cls):
        raise InvalidNotification(
            _("%s is not registered, so no worker could send it. Add @register above the class.")
            % cls.__qualname__,
            argument="type",
        )
    params = {}
    for name, kind in parameters_of(cls).items():
        params[name] = kind.to_json(getattr(message, name), name)
    return {"type": cls.key, "params": params}


def further_extra(message: MessageType, target_key: str) -> dict[str, Any]:
    """Return what a message adds to ``extra`` for a target.

    Args:
        message: The message.
        target_key: The target's key.

    Raises:
        InvalidNotification: When ``extra()`` returns no dict, or names that it must not.
    """
    given: Any = message.extra(target_key)  # noqa: S610 # no queryset's
    if not isinstance(given, dict):
        raise InvalidNotification(
            _("%(type)s.extra() must return a dict, not %(given)s.")
            % {"type": type(message).__name__, "given": type(given).__name__}
        )
    if wrong := sorted(OWN_EXTRA.intersection(given)):
        raise InvalidNotification(
            _("%(type)s.extra() must not return %(names)s: the type itself stands there.")
            % {"type": type(message).__name__, "names": ", ".join(wrong)}
        )
    return given


def _required(cls: type[MessageType]) -> Iterator[str]:
    for each in fields(cls):  # type: ignore[arg-type] # a dataclass
        if each.default is MISSING and each.default_factory is MISSING:
            yield each.name
