"""The class that declares a kind of message, without what creates notifications."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Self, dataclass_transform, get_type_hints

from django.core.exceptions import ImproperlyConfigured

from ..categories import Category
from .kinds import Kind
from .parameters import kind_of

#: Names in a template's context, so that no parameter may have them.
RESERVED = frozenset({"user", "notification", "type"})
#: Names that ``extra()`` must not return: the type itself, and what would take its place.
OWN_EXTRA = frozenset({"type", "params", "language", "template_name"})


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class MessageType:
    """A kind of message; see ``django_notification_system.types.NotificationType``.

    Attributes:
        key: The name in the database; by default app and class, such as ``shop.OrderShipped``.
        category: The category, or its key.
        targets: Keys or names of targets; empty: all targets.
        templates: The folder of the templates.
        prefetch_related: Relations of instances, by the parameter.
    """

    key: ClassVar[str] = ""
    category: ClassVar[Category | str] = ""
    targets: ClassVar[Sequence[Any]] = ()
    templates: ClassVar[str] = ""
    prefetch_related: ClassVar[Mapping[str, Sequence[str]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        """Make the class a frozen dataclass whose parameters are named in each call."""
        super().__init_subclass__(**options)
        if isinstance(cls.targets, str) or not isinstance(cls.targets, Iterable):
            raise ImproperlyConfigured(
                f"{cls.__qualname__}: targets must be a tuple of targets, not"
                f" {type(cls.targets).__name__}. A tuple of one target ends with a comma:"
                ' ("email",).'
            )
        dataclass(frozen=True, kw_only=True)(cls)
        for each in fields(cls):  # type: ignore[arg-type] # a dataclass since the line above
            if each.name in RESERVED or _is_taken(cls, each.name):
                raise ImproperlyConfigured(
                    f"{cls.__qualname__} has a parameter {each.name!r}, a name that has another"
                    " meaning. Write an option without an annotation, and give a parameter another"
                    " name."
                )

    def __post_init__(self) -> None:
        """Refuse values of another kind than annotated.

        Raises:
            TypeError: When a value is of another kind; the message names the parameter.
        """
        for name, kind in parameters_of(type(self)).items():
            value = getattr(self, name)
            if not kind.takes(value):
                raise TypeError(
                    f"{type(self).__name__}: {name} must be {kind.name}, not"
                    f" {type(value).__name__}."
                )

    def should_send(self, user: Any) -> bool:
        """Tell whether a user shall get the message; asked at creation and right before sending.

        Args:
            user: The user; ``None`` for an address without a user.
        """
        return True

    def extra(self, target_key: str) -> Mapping[str, Any]:
        """Return further options of a target's handler, such as an email's headers; as JSON.

        Args:
            target_key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``, such as ``email``.
        """
        return {}

    @classmethod
    def previews(cls) -> Iterable[tuple[str, Self]]:
        """Yield examples for people who look at the texts: a name, and an instance.

        The instances of models in the example may be unsaved.
        """
        return ()


def parameters_of(cls: type[MessageType]) -> Mapping[str, Kind]:
    """Return the kinds of a type's parameters, by name.

    Args:
        cls: The type.

    Raises:
        ImproperlyConfigured: When an annotation cannot be resolved, or is ambiguous.
    """
    return _parameters_of(cls)  # type: ignore[arg-type] # classes are hashable


@cache
def _parameters_of(cls: Any) -> Mapping[str, Kind]:
    try:
        annotations = get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise ImproperlyConfigured(
            f"{cls.__qualname__}: an annotation cannot be resolved ({error}). Import the name"
            " outside of TYPE_CHECKING, at the module's top."
        ) from error
    kinds = {}
    for each in fields(cls):
        try:
            kinds[each.name] = kind_of(annotations[each.name])
        except ImproperlyConfigured as error:
            raise ImproperlyConfigured(f"{cls.__qualname__}: {each.name}: {error}") from error
    return kinds


def _is_taken(cls: type[MessageType], name: str) -> bool:
    """Tell whether a class below has an attribute of the name that is no parameter."""
    return any(
        name in vars(base) and name not in getattr(base, "__dataclass_fields__", ())
        for base in cls.__mro__[1:]
    )


def has_should_send(cls: type[MessageType]) -> bool:
    """Tell whether a type decides for itself whether to be sent.

    Args:
        cls: The type.
    """
    return cls.should_send is not MessageType.should_send
