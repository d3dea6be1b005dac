"""Remember a transaction's due notifications, and hand them over on commit."""

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

#: For a transaction. To hand over takes the time of a request; the next run takes the rest.
MOST_HANDED_OVER = 5_000


class _Together:
    """The notifications created in a transaction, call by call.

    Neither savepoints nor rollbacks are seen here: on a rollback Django forgets its callbacks, and
    only a callback keeps its ``_Made`` alive.
    """

    def __init__(self) -> None:
        self.made: list[ref[_Made]] = []
        self.count = 0

    def left_from(self, first: "_Made") -> list["_Made"]:
        """Return this call and the later calls, without those rolled back."""
        alive = [made for reference in self.made if (made := reference()) is not None]
        return list(dropwhile(lambda made: made is not first, alive))


class _Made:
    """The notifications created by one call."""

    def __init__(self, keys: list[uuid.UUID], using: str, together: _Together) -> None:
        self.keys = keys
        self._using = using
        self._together = together
        together.made.append(ref(self))
        together.count += len(keys)

    def hand_over(self) -> None:
        """Hand over all new notifications of the transaction; the first call acts for the rest."""
        if not self.keys:
            # handed over by an earlier call; a walk through all calls at every call would take
            # seconds
            return
        _open.pop(connections[self._using], None)
        keys = []
        for made in self._together.left_from(self):
            keys += made.keys
            made.keys = []
        dispatch(keys, using=self._using)


#: By connection, while the connection's transaction has notifications to hand over.
_open: WeakKeyDictionary[Any, ref[_Together]] = WeakKeyDictionary()


def hand_over_on_commit(notifications: Iterable[Notification], *, using: str, **_: Any) -> None:
    """Hand over new notifications that are due at once on commit, if settings say so.

    Args:
        notifications: The notifications just created.
        using: The alias of the notifications' database.
        _: Django's other arguments for a signal's receiver.
    """
    if engine_settings().dispatch != "on_commit":
        return
    connection = connections[using]
    if not connection.in_atomic_block and not connection.get_autocommit():
        return  # the project commits by hand, unseen by Django
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
