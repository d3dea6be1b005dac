"""Kinds of values: of each kind, a value's form in JSON, and the value again.

A kind is made of a parameter's annotation, see ``parameters.kind_of()``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from ..exceptions import InvalidNotification
from ..storable import json_value

#: An instance as stored: the label of the model, such as ``shop.order``, and the key.
Reference = tuple[str, Any]
#: The instances of references, read from the database.
Objects = Mapping[Reference, Model]


class ObjectGone(Exception):
    """An object that a parameter names does not exist any more.

    Args:
        reference: The object.
    """

    def __init__(self, reference: Reference) -> None:
        super().__init__(reference)
        self.reference = reference


class DoesNotFit(Exception):
    """A stored value does not fit its parameter: the class has changed since."""


class Kind:
    """A kind of values: every value that JSON has, and no further check.

    Attributes:
        name: The kind in words, for messages.
        forms: The forms in JSON: ``null``, ``true``, ``number``, ``text``, ``list``, ``object``.
            Two kinds with a form in common cannot be told apart when a value is read.
    """

    name: str = "a value of JSON"
    forms: frozenset[str] = frozenset({"null", "true", "number", "text", "list", "object"})

    def takes(self, value: Any) -> bool:
        """Tell whether a value is of the kind.

        Args:
            value: The value of a parameter.
        """
        return True

    def to_json(self, value: Any, name: str) -> Any:
        """Return the value's form in JSON.

        Args:
            value: A value of the kind.
            name: The name of the parameter, for messages.

        Raises:
            InvalidNotification: When the value cannot be stored.
        """
        if isinstance(value, QuerySet):
            raise InvalidNotification(
                _("%s is a queryset, which cannot be stored. Pass list(...) of it.") % name,
                argument=name,
            )
        try:
            return json_value(value, name)
        except InvalidNotification as error:
            raise InvalidNotification(str(error), argument=name) from None

    def references(self, stored: Any) -> Iterator[Reference]:
        """Yield the objects that a stored value names.

        Args:
            stored: The value's form in JSON.
        """
        return iter(())

    def of_json(self, stored: Any, objects: Objects) -> Any:
        """Return the value of a stored form.

        Args:
            stored: The form in JSON.
            objects: The instances of all references.

        Raises:
            DoesNotFit: When the form is of another kind.
            ObjectGone: When an object does not exist any more.
        """
        return stored


@dataclass(frozen=True)
class Unstorable(Kind):
    """An annotation of values that cannot be stored."""

    annotation: Any

    @property
    def name(self) -> str:  # type: ignore[override] # an attribute of the others
        """The annotation in words."""
        return getattr(self.annotation, "__name__", str(self.annotation))

    def to_json(self, value: Any, name: str) -> Any:
        """Refuse the value."""
        raise InvalidNotification(
            _("%(name)s is a %(type)s, and such a value cannot be stored. %(advice)s")
            % {"name": name, "type": type(value).__name__, "advice": advice()},
            argument=name,
        )


def advice() -> str:
    """Return what a parameter may be, for people."""
    return _(
        "A parameter is a text, a number, True or False, a date, a time, a duration, a Decimal, a"
        " UUID, an Enum, an instance of a model, or a list, a tuple or a dict with texts as keys of"
        " these."
    )


@dataclass(frozen=True)
class Plain(Kind):
    """A value that JSON has itself: a text, a number, true or false, null."""

    cls: type
    form: str
    #: A whole number stays whole although a float is expected: ``int | float``.
    keeps_whole: bool = False

    @property
    def name(self) -> str:  # type: ignore[override]
        """The type's name."""
        return "None" if self.cls is type(None) else self.cls.__name__

    @property
    def forms(self) -> frozenset[str]:  # type: ignore[override]
        """The only form."""
        return frozenset({self.form})

    def takes(self, value: Any) -> bool:
        """Take values of the class; a whole number where a float is expected, no bool as number."""
        if isinstance(value, bool):
            return self.cls is bool
        if self.cls is float:
            return isinstance(value, int | float)
        return isinstance(value, self.cls) or (self.cls is str and isinstance(value, Promise))

    def of_json(self, stored: Any, objects: Objects) -> Any:
        """Return the value."""
        if not self.takes(stored):
            raise DoesNotFit(self.name)
        return float(stored) if self.cls is float and not self.keeps_whole else stored


@dataclass(frozen=True)
class AsText(Kind):
    """A value stored as a text: a date, a UUID."""

    cls: type
    write: Callable[[Any], str]
    read: Callable[[str], Any]
    #: Of a subclass, the text would lose a part: a datetime is no date.
    not_of: tuple[type, ...] = ()
    forms = frozenset({"text"})

    @property
    def name(self) -> str:  # type: ignore[override]
        """The type's name."""
        return self.cls.__name__

    def takes(self, value: Any) -> bool:
        """Take values of the class."""
        return isinstance(value, self.cls) and not isinstance(value, self.not_of)

    def to_json(self, value: Any, name: str) -> str:
        """Return the text."""
        return self.write(value)

    def of_json(self, stored: Any, objects: Objects) -> Any:
        """Return the value."""
        try:
            return self.read(stored)
        except (TypeError, ValueError, ArithmeticError, AttributeError):
            # AttributeError: UUID() takes any value for a text.
            raise DoesNotFit(self.name) from None


@dataclass(frozen=True)
class OneOf(Kind):
    """A member of an ``Enum``, stored by its value; or one of a ``Literal``'s values."""

    called: str
    members: tuple[Any, ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        """The kind in words."""
        return self.called

    @property
    def forms(self) -> frozenset[str]:  # type: ignore[override]
        """The forms of the values."""
        return frozenset(map(form_of, map(self._stored, self.members)))

    def takes(self, value: Any) -> bool:
        """Take the members; for a text Enum, no text that only equals a member."""
        return any(value == each and type(value) is type(each) for each in self.members)

    def to_json(self, value: Any, name: str) -> Any:
        """Return the member's value."""
        return super().to_json(self._stored(value), name)

    def of_json(self, stored: Any, objects: Objects) -> Any:
        """Return the member."""
        for each in self.members:
            if self._stored(each) == stored:
                return each
        raise DoesNotFit(self.name)

    @staticmethod
    def _stored(member: Any) -> Any:
        return member.value if isinstance(member, Enum) else member


def form_of(stored: Any) -> str:
    """Return the form of a value in JSON, a word of ``Kind.forms``.

    Args:
        stored: The value, as JSON has it.
    """
    if stored is None:
        return "null"
    if isinstance(stored, bool):
        return "true"
    if isinstance(stored, int | float):
        return "number"
    if isinstance(stored, str):
        return "text"
    return "list" if isinstance(stored, list) else "object"
