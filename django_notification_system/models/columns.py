"""The columns of an insert: without those that the database fills in with the same values.

Half the columns of a new notification are as they are before any attempt. To prepare the value of
each column of each row takes most of the time of a bulk insert.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from django.db.models import NOT_PROVIDED, Expression, Field, Model


def columns_to_insert(
    fields: Sequence["Field[Any, Any]"], rows: Iterable[Model], model: type[Model]
) -> list["Field[Any, Any]"]:
    """Return the fields without those that the database fills in with the values of all rows.

    Args:
        fields: The fields with a column, in the order of the columns.
        rows: The rows to insert.
        model: The rows' model, with two such fields at least.
    """
    filled_in = _filled_in(model)
    values_of = attrgetter(*filled_in)
    usual = tuple(filled_in.values())
    others: set[str] = set()
    for row in rows:
        values = values_of(row)
        if values != usual:
            others.update(
                name
                for name, value in zip(filled_in, values, strict=True)
                if value != filled_in[name]
            )
    left_out = filled_in.keys() - others
    return [field for field in fields if field.attname not in left_out]


@cache
def _filled_in(model: type[Model]) -> Mapping[str, Any]:
    """Return the values that the database fills in, by the names of the fields."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        # A field of this app's own class may make its value at the insert, see ``DigestField``.
        if not type(field).__module__.startswith("django."):
            continue
        if field.db_default is not NOT_PROVIDED:
            if not isinstance(field.db_default, Expression):
                values[field.attname] = field.db_default
        elif field.null:
            values[field.attname] = None
    return values
