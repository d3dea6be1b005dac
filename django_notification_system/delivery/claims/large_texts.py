"""Read long texts only before they are sent, so that memory does not grow with a claim."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ...models import Notification
from ...models.long_texts import size_of_mark
from ...models.notification_queryset import NotificationQuerySet

#: So many bytes of long texts are read at once, or a single longer text.
LONG_BYTES_AT_ONCE = 8 * 2**20


def read(rows: NotificationQuerySet) -> list[Notification]:
    """Return the rows, without their long texts.

    Args:
        rows: The rows.
    """
    return list(map(_without_marks, rows.leaving_long_texts()))


def iterate(rows: NotificationQuerySet, chunk_size: int) -> Iterator[Notification]:
    """Yield the rows; a long text is read when code accesses the field.

    Args:
        rows: The rows.
        chunk_size: How many rows the database driver reads at a time.
    """
    return map(_without_marks, rows.leaving_long_texts().iterator(chunk_size=chunk_size))


def first_of_size(rows: Sequence[Notification]) -> int:
    """Return how many of the first rows to read together, by the size of their texts.

    Args:
        rows: The rows, with the sizes of their texts.
    """
    size = 0
    for number, row in enumerate(rows):
        size += row.long_size
        if number and size > LONG_BYTES_AT_ONCE:
            return number
    return len(rows)


def is_unread(row: Notification) -> bool:
    """Return whether a row's long texts are still in the database only.

    Args:
        row: The row.
    """
    return row.long_size > 0 and "body" not in row.__dict__


def read_long_texts(rows: Iterable[Notification], *, using: str) -> set[Any]:
    """Read the rows' long texts from the database.

    Args:
        rows: The rows; rows without unread texts are left alone.
        using: The database's alias.

    Returns:
        The keys of rows deleted meanwhile.

    Raises:
        Exception: Python's error for an unreadable ``extra``.
    """
    unread = {row.pk: row for row in rows if is_unread(row)}
    if not unread:
        return set()
    found = Notification.objects.using(using).filter(pk__in=list(unread))
    for key, body, extra in found.values_list("pk", "body", "extra"):
        row = unread.pop(key)
        row.body, row.extra = body, extra
    return set(unread)


def _without_marks(row: Notification) -> Notification:
    size = size_of_mark(row.body) + size_of_mark(row.extra)
    if size:
        row.long_size = size
        # Deferred, in Django's words.
        del row.__dict__["body"], row.__dict__["extra"]
    return row
