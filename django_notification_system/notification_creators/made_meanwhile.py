"""The notifications that a creator of the project's own makes, told from those of others."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from ..models import Notification
from ..signals import notifications_created


@contextmanager
def keys_made_here() -> Iterator[set[UUID]]:
    """Collect the keys of the notifications that this thread saves inside the context.

    Some may be no row's: ``bulk_create()`` may ignore a notification that exists already.
    """
    thread = threading.get_ident()
    keys: set[UUID] = set()

    def note(notifications: Iterable[Notification], **_kwargs: Any) -> None:
        if threading.get_ident() == thread:
            keys.update(notification.pk for notification in notifications)

    notifications_created.connect(note, sender=Notification, weak=False)
    try:
        yield keys
    finally:
        notifications_created.disconnect(note, sender=Notification)
