"""New notifications that repeat a row with the digest of a development version of 2.0."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from django.db import connections
from django.db.models import QuerySet

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
    for digests in _in_portions(list(repeating)):
        for digest in rows.filter(digest__in=digests).values_list("digest", flat=True):
            for notification in repeating[digest]:
                notification.repeated_digest = digest


def _in_portions(digests: Sequence[uuid.UUID | None]) -> Iterator[list[uuid.UUID | None]]:
    rest = iter(digests)
    while portion := list(islice(rest, DIGESTS_IN_QUERY)):
        yield portion


def begin_with_a_write(rows: "QuerySet[Notification]") -> None:
    """Let SQLite wait for another writer, as every other database does.

    A SQLite transaction that began with a read fails at its first write while another transaction
    writes. https://www.sqlite.org/lang_transaction.html
    """
    if connections[rows.db].vendor == "sqlite":
        rows.filter(pk=uuid.UUID(int=0)).update(title="")
