"""Remembering what a transaction creates that is due at once, so that it leaves on commit."""

import uuid
from collections.abc import Iterable
from itertools import dropwhile
from typing import Any
from weakref import WeakKeyDictionary, ref

from django.db import connections, transaction
from django.utils import timezone

from ...conf import engine_settings
from ...models import Notification
from .dispatch import dispatch

#: Of one transaction. Handing over takes the time of a request; the next run takes the rest.
MOST_HANDED_OVER = 5_000


class _Together:
    """What is created in one transaction, call by call.

    It must know neither of savepoints nor of a rollback: Django forgets the callbacks of what is
    rolled back, and only those keep what they are to hand over alive.
    """

    def __init__(self) -> None:
        self.made: list[ref[_Made]] = []
        self.count = 0

    def left_from(self, first: "_Made") -> list["_Made"]:
        """Return what one call and those after it created, and was not rolled back."""
        alive = [made for reference in self.made if (made := reference()) is not None]
        return list(dropwhile(lambda made: made is not first, alive))


class _Made:
    """What one call has created."""

    def __init__(self, keys: list[uuid.UUID], using: str, together: _Together) -> None:
        self.keys = keys
        self._using = using
        self._together = together
        together.made.append(ref(self))
        together.count += len(keys)

    def hand_over(self) -> None:
        """Hand over all that the transaction has created; the first call does it for the rest."""
        if not self.keys:
            return  # an earlier call has, and to look at all of them for each would take seconds
        _open.pop(connections[self._using], None)
        keys = []
        for made in self._together.left_from(self):
            keys += made.keys
            made.keys = []
        dispatch(keys, using=self._using)


#: By connection, for as long as there is something to hand over.
_open: WeakKeyDictionary[Any, ref[_Together]] = WeakKeyDictionary()


def hand_over_on_commit(notifications: Iterable[Notification], *, using: str, **_: Any) -> None:
    """Let those that are due at once leave when the transaction commits, if the project wants it.

    Args:
        notifications: Those that were just created.
        using: The alias of the database that they are in.
        _: What else Django says of a signal.
    """
    if engine_settings().dispatch != "on_commit":
        return
    connection = connections[using]
    if not connection.in_atomic_block and not connection.get_autocommit():
        return  # the project commits by hand, and Django would not know of it
    now = timezone.now()
    keys = [one.pk for one in notifications if one.is_due(now)]
    reference = _open.get(connection)
    together = (reference and reference()) or _Together()
    keys = keys[: MOST_HANDED_OVER - together.count]
    if not keys:
        return
    _open[connection] = ref(together)
    made = _Made(keys, using, together)
    transaction.on_commit(made.hand_over, using=using, robust=True)
