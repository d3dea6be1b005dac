"""Rows that a run took before and recorded no outcome for: the run died, or froze.

One row of a batch may have killed the process, and nobody can know the row. So a claim adds one to
the ``interruptions`` of its rows, an outcome sets the count to 0, and a release takes one off.
Interrupted rows go after all others, alone, and in ever smaller claims: a batch that died is taken
again in groups of some 20 rows, and a group that died row by row. So a single row that kills is
found after three deaths, while a power cut, which interrupts thousands of rows, makes none of the
rows fail and hardly slows them down.
"""

from collections.abc import Iterator

from ...conf import EngineSettings
from ...models import Notification
from ...models.notification import NotificationQuerySet
from .due import Due, RowsOf, free_rows


class InterruptedFound(Exception):
    """Interrupted rows are among the first of what is due; no claim was made."""


def uninterrupted_rows(due: Due) -> list[NotificationQuerySet]:
    """Return what is due and not claimed, without rows that were interrupted."""
    return [rows.filter(interruptions=0) for rows in free_rows(due)]


def turns(settings: EngineSettings) -> Iterator[tuple[RowsOf, int]]:
    """Yield the groups of interrupted rows to claim, with their sizes, in the order of their turns.

    First come the rows that are never sent again, then the rows with the fewest interruptions.
    """
    most = settings.max_interruptions
    yield _interrupted_rows(interruptions__gte=most), settings.batch_size
    for interruptions in range(1, most):
        rows_of = _interrupted_rows(interruptions=interruptions)
        yield rows_of, size_of_group(interruptions, settings)


def size_of_group(interruptions: int, settings: EngineSettings) -> int:
    """Return how many rows with so many interruptions one claim takes.

    The size falls by the same factor from interruption to interruption: from ``BATCH_SIZE`` to a
    single row at the last chance, where the next death is the row's end.

    Args:
        interruptions: How often, from 1 to ``MAX_INTERRUPTIONS`` less one.
        settings: The engine's settings.
    """
    left = 1 - interruptions / (settings.max_interruptions - 1)
    return max(1, int(settings.batch_size**left))


def reason_to_give_up(notification: Notification, settings: EngineSettings) -> str | None:
    """Return the response for a claimed notification that was interrupted too often.

    Args:
        notification: The notification; its count contains the present claim.
        settings: The engine's settings.

    Returns:
        The response, in English as all responses; ``None`` where the row is to be sent.
    """
    before = notification.interruptions - 1
    if before < settings.max_interruptions:
        return None
    return f"Interrupted {_times(before)} while it was being delivered."


def _times(number: int) -> str:
    return "three times" if number == 3 else f"{number} times"


def _interrupted_rows(**condition: int) -> RowsOf:
    def rows_of(due: Due) -> list[NotificationQuerySet]:
        return [rows.filter(**condition) for rows in free_rows(due)]

    return rows_of
