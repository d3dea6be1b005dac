"""Long iterables in batches."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists; Python has ``itertools.batched()`` from 3.12 on.

    Args:
        items: Any number of items; read as the lists are asked for.
        size: How many items a list has; the last may have fewer.
    """
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
