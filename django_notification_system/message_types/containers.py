"""Kinds of values that hold other values: lists, tuples, dicts, and unions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .kinds import DoesNotFit, Kind, Objects, Reference, form_of


@dataclass(frozen=True)
class Items(Kind):
    """A list or a tuple of any length."""

    cls: type
    item: Kind
    forms = frozenset({"list"})

    @property
    def name(self) -> str:  # type: ignore[override]
        """The kind in words."""
        return f"{self.cls.__name__} of {self.item.name}"

    def takes(self, value: Any) -> bool:
        """Take a list or a tuple of such items."""
        wanted = tuple if self.cls is tuple else list | tuple if self.cls is Sequence else list
        return isinstance(value, wanted) and all(map(self.item.takes, value))

    def to_json(self, value: Any, name: str) -> list[Any]:
        """Return the list of the items' forms."""
        return [self.item.to_json(each, f"{name}[{place}]") for place, each in enumerate(value)]

    def references(self, stored: Any) -> Iterator[Reference]:
        """Yield the objects that the items name."""
        for each in stored if isinstance(stored, list) else ():
            yield from self.item.references(each)

    def of_json(self, stored: Any, objects: Objects) -> Any:
        """Return the list or tuple."""
        if not isinstance(stored, list):
            raise DoesNotFit(self.name)
        values = [self.item.of_json(each, objects) for each in stored]
        return tuple(values) if self.cls is tuple else values


@dataclass(frozen=True)
class Row(Kind):
    """A tuple with a kind for each place."""

    items: tuple[Kind, ...]
    forms = frozenset({"list"})

    @property
    def name(self) -> str:  # type: ignore[override]
        """The kind in words."""
        return f"tuple of {', '.join(each.name for each in self.items)}"

    def takes(self, value: Any) -> bool:
        """Take a tuple of such items."""
        return (
            isinstance(value, tuple)
            and len(value) == len(self.items)
            and all(kind.takes(each) for kind, each in zip(self.items, value, strict=True))
        )

    def to_json(self, value: Any, name: str) -> list[Any]:
        """Return the list of the items' forms."""
        pairs = enumerate(zip(self.items, value, strict=True))
        return [kind.to_json(each, f"{name}[{place}]") for place, (kind, each) in pairs]

    def references(self, stored: Any) -> Iterator[Reference]:
        """Yield the objects that the items name."""
        if isinstance(stored, list):
            for kind, each in zip(self.items, stored, strict=False):
                yield from kind.references(each)

    def of_json(self, stored: Any, objects: Objects) -> tuple[Any, ...]:
        """Return the tuple."""
        if not isinstance(stored, list) or len(stored) != len(self.items):
            raise DoesNotFit(self.name)
        pairs = zip(self.items, stored, strict=True)
        return tuple(kind.of_json(each, objects) for kind, each in pairs)


@dataclass(frozen=True)
class Entries(Kind):
    """A dict with texts as keys."""

    item: Kind
    forms = frozenset({"object"})

    @property
    def name(self) -> str:  # type: ignore[override]
        """The kind in words."""
        return f"dict of {self.item.name} by text"

    def takes(self, value: Any) -> bool:
        """Take a dict with texts as keys, and such values."""
        return (
            isinstance(value, dict)
            and all(isinstance(key, str) for key in value)
            and all(map(self.item.takes, value.values()))
        )

    def to_json(self, value: Any, name: str) -> dict[str, Any]:
        """Return the dict of the values' forms."""
        return {
            str(Kind().to_json(key, name)): self.item.to_json(each, f"{name}[{key!r}]")
            for key, each in value.items()
        }

    def references(self, stored: Any) -> Iterator[Reference]:
        """Yield the objects that the values name."""
        for each in stored.values() if isinstance(stored, dict) else ():
            yield from self.item.references(each)

    def of_json(self, stored: Any, objects: Objects) -> dict[str, Any]:
        """Return the dict."""
        if not isinstance(stored, dict):
            raise DoesNotFit(self.name)
        return {key: self.item.of_json(each, objects) for key, each in stored.items()}


@dataclass(frozen=True)
class Either(Kind):
    """One of several kinds with different forms in JSON: mostly a kind, or ``None``."""

    kinds: tuple[Kind, ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        """The kinds in words."""
        return " or ".join(each.name for each in self.kinds)

    @property
    def forms(self) -> frozenset[str]:  # type: ignore[override]
        """The forms of all."""
        return frozenset().union(*(each.forms for each in self.kinds))

    def takes(self, value: Any) -> bool:
        """Take the values of all."""
        return any(each.takes(value) for each in self.kinds)

    def to_json(self, value: Any, name: str) -> Any:
        """Return the value's form by its kind."""
        return next(each for each in self.kinds if each.takes(value)).to_json(value, name)

    def references(self, stored: Any) -> Iterator[Reference]:
        """Yield the objects that the value names."""
        if kind := self._kind(stored):
            yield from kind.references(stored)

    def of_json(self, stored: Any, objects: Objects) -> Any:
        """Return the value."""
        if (kind := self._kind(stored)) is None:
            raise DoesNotFit(self.name)
        return kind.of_json(stored, objects)

    def _kind(self, stored: Any) -> Kind | None:
        form = form_of(stored)
        return next((each for each in self.kinds if form in each.forms), None)
