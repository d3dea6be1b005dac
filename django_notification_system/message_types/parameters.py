"""The parameters of a type: which kind of values an annotation stands for."""

import types
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from django.utils.dateparse import parse_duration
from django.utils.duration import duration_iso_string

from .containers import Either, Entries, Items, Row
from .instances import Instance
from .kinds import AsText, Kind, OneOf, Plain, Unstorable


def _duration(text: str) -> timedelta:
    found = parse_duration(text)
    if found is None:
        raise ValueError(text)
    return found


ANYTHING = Kind()
SIMPLE: Mapping[Any, Kind] = {
    Any: ANYTHING,
    object: ANYTHING,
    None: Plain(type(None), "null"),
    type(None): Plain(type(None), "null"),
    str: Plain(str, "text"),
    bool: Plain(bool, "true"),
    int: Plain(int, "number"),
    float: Plain(float, "number"),
    datetime: AsText(datetime, datetime.isoformat, datetime.fromisoformat),
    date: AsText(date, date.isoformat, date.fromisoformat, not_of=(datetime,)),
    time: AsText(time, time.isoformat, time.fromisoformat),
    timedelta: AsText(timedelta, duration_iso_string, _duration),
    Decimal: AsText(Decimal, str, Decimal),
    UUID: AsText(UUID, str, UUID),
    list: Items(list, ANYTHING),
    tuple: Items(tuple, ANYTHING),
    dict: Entries(ANYTHING),
}


def kind_of(annotation: Any) -> Kind:
    """Return the kind of values that an annotation stands for.

    Args:
        annotation: The annotation, without names to be resolved.

    Raises:
        ImproperlyConfigured: When two members of a union are stored alike, so that a stored value
            could not be told apart.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind_of(arguments[0])
    if origin is Literal:
        return OneOf("one of " + ", ".join(map(repr, arguments)), arguments)
    if origin in (Union, types.UnionType):
        return _either(arguments)
    if origin is list or origin is Sequence:
        return Items(origin, kind_of(arguments[0]))
    if origin is tuple:
        return _tuple(arguments)
    if origin in (dict, Mapping):
        key, value = arguments
        return Entries(kind_of(value)) if key is str else Unstorable(annotation)
    if isinstance(annotation, TypeVar):
        return Unstorable(annotation)
    if annotation in SIMPLE:
        return SIMPLE[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return Instance((annotation,))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return OneOf(annotation.__name__, tuple(annotation))
    return Unstorable(annotation)


def _tuple(arguments: tuple[Any, ...]) -> Kind:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return Items(tuple, kind_of(arguments[0]))
    return Row(tuple(map(kind_of, arguments)))


def _either(arguments: tuple[Any, ...]) -> Kind:
    kinds = [kind_of(each) for each in arguments]
    models = tuple(model for kind in kinds if isinstance(kind, Instance) for model in kind.models)
    others = [kind for kind in kinds if not isinstance(kind, Instance)]
    if models:
        others.append(Instance(models))
    if SIMPLE[int] in others and SIMPLE[float] in others:
        others = [each for each in others if each not in (SIMPLE[int], SIMPLE[float])]
        others.append(Plain(float, "number", keeps_whole=True))
    if any(isinstance(each, Unstorable) for each in others):
        return next(each for each in others if isinstance(each, Unstorable))
    seen: set[str] = set()
    for kind in others:
        if seen & kind.forms:
            raise ImproperlyConfigured(
                f"{' or '.join(each.name for each in others)}: the stored values could not be told"
                " apart. Use one of them, or None and one of them."
            )
        seen |= kind.forms
    return others[0] if len(others) == 1 else Either(tuple(others))
