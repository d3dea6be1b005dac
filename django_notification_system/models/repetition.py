"""New notifications that repeat a row with the digest of a development version of 2.0."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import connections
from django.db.models import QuerySet

from ..batches import batched
from .locking import begin_with_a_write

if TYPE_CHECKING:
    from .notification import Notification

#: How many digests a query asks for: SQLite may allow no more than 999 parameters.
#: https://www.sqlite.org/limits.html#max_variable_number
DIGESTS_IN_QUERY = 900


def find_repeated(rows: "QuerySet[Notification]", notifications: Iterable["Notification"]) -> None:
    """Give each unsaved notification the digest of the older row that the notification repeats.

    The unique constraint compares digests alone. A development version made another digest of the
    same values, so with a digest of its own the repetition would be taken.

    Args:
        rows: All notifications, in the database of the insert.
        notifications: Unsaved notifications.
    """
    repeating: defaultdict[uuid.UUID | None, list[Notification]] = defaultdict(list)
    for notification in notifications:
        notification.repeated_digest = None
        if not notification.has_own_digest():
            identity = notification.identity()
            if identity is not None and identity.development_digest is not None:
                repeating[identity.development_digest].append(notification)
    if repeating and connections[rows.db].in_atomic_block:
        begin_with_a_write(rows)
    for digests in batched(repeating, DIGESTS_IN_QUERY):
        for digest in rows.filter(digest__in=digests).values_list("digest", flat=True):
            for notification in repeating[digest]:
                notification.repeated_digest = digest
