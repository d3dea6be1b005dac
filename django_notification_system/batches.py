"""Long iterables in batches."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db.models import Model, QuerySet

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists; Python has ``itertools.batched()`` from 3.12 on.

    Args:
        items: Any number of items; read as the lists are asked for.
        size: How many items a list has; the last may have fewer.
    """
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def by_key(rows: QuerySet[Row], size: int) -> Iterator[list[Row]]:
    """Yield a query's rows in lists, in the order of their keys, each list by a query of its own.

    No cursor stays open while the caller works on a list, so that a pooler may be between.

    Args:
        rows: The query, without an order of its own.
        size: How many rows a list has; the last may have fewer.
    """
    rows = rows.order_by("pk")
    found = list(rows[:size])
    while found:
        yield found
        found = list(rows.filter(pk__gt=found[-1].pk)[:size])
