"""The answer of ``notify()`` and ``notify_addresses()``: a number that knows its notifications."""

import uuid
from typing import Any, Self

#: With more notifications than this, a call does not remember their keys.
MOST_KEYS = 500


class Created(int):
    """The number of created notifications and items of the inbox, an ``int`` like any other.

    Attributes:
        keys: The keys of the created notifications, in the order in which they were made; without
            the notifications that existed already. ``None`` for more than 500 notifications, and
            where a creator of the project's own made notifications: it does not name them.
        items: How many of the number are items of the inbox.
    """

    keys: tuple[uuid.UUID, ...] | None
    items: int

    def __new__(  # noqa: D102 # the class says it
        cls, number: int, keys: tuple[uuid.UUID, ...] | None = None, *, items: int = 0
    ) -> Self:
        created = super().__new__(cls, number)
        created.keys, created.items = keys, items
        return created

    def __getnewargs__(self) -> Any:  # for copies, and for task engines that pickle
        return (int(self), self.keys)
