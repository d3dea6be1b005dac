"""The type, and the parameters, that a test wants a message to have."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..message_types.declaration import MessageType, parameters_of
from ..message_types.kinds import DoesNotFit, Kind
from ..message_types.registry import is_known
from ..setting_names import did_you_mean, name_meant


def wanted_type(cls: Any, params: Mapping[str, Any] | None) -> "WantedType | None":
    """Return the condition; ``None`` where a test wants no type.

    Args:
        cls: The type, or ``None``.
        params: Parameters of the type, by name.

    Raises:
        TypeError: See ``WantedType``.
    """
    if cls is not None:
        return WantedType(cls, params)
    if params is not None:
        raise TypeError("params belongs to a type: pass type=YourType, too.")
    return None


@dataclass(frozen=True)
class WantedType:
    """A type, and perhaps parameters of the type.

    Attributes:
        cls: The type.
        params: Parameters by name; others may be anything.

    Raises:
        TypeError: When the class is not registered, has no such parameter, or a value is of another
            kind: no message could ever meet the condition.
    """

    cls: type[MessageType]
    params: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        cls: Any = self.cls
        if not (isinstance(cls, type) and issubclass(cls, MessageType) and is_known(cls)):
            raise TypeError(
                f"{getattr(cls, '__name__', cls)!r} is no registered type. Pass the class itself,"
                " with @register above it."
            )
        kinds = parameters_of(self.cls)
        for name, value in (self.params or {}).items():
            if name not in kinds:
                raise TypeError(_no_parameter(name, self.cls, kinds))
            if not kinds[name].takes(value):
                raise TypeError(
                    f"{self.cls.__name__}: {name} must be {kinds[name].name}, not"
                    f" {type(value).__name__}."
                )

    def is_of(self, message: Any) -> bool:
        """Tell whether a message is of the type, with the parameters.

        Args:
            message: A message of the outbox.
        """
        if message.type is not self.cls:
            return False
        stored = message.extra["params"]
        kinds = parameters_of(self.cls)
        return all(
            name in stored and _is_stored(value, name, stored[name], kinds[name])
            for name, value in (self.params or {}).items()
        )


def _is_stored(value: Any, name: str, stored: Any, kind: Kind) -> bool:
    if any(kind.references(stored)) or stored is None:
        return bool(kind.to_json(value, name) == stored)
    try:
        return bool(kind.of_json(stored, {}) == value)
    except DoesNotFit:
        return False


def _no_parameter(name: str, cls: type[MessageType], kinds: Mapping[str, Kind]) -> str:
    meant = name_meant(name, kinds)
    guess = "" if meant is None else f" {did_you_mean(meant)}"
    known = ", ".join(kinds) or "none"
    return f"{cls.__name__} has no parameter {name!r}.{guess} The parameters are: {known}."
