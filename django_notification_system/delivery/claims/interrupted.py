"""Rows that a run took before, and of which it recorded nothing: the run died, or froze.

One row of a batch may have killed the process, and nobody can know which. So each claim counts on
its rows (``interruptions``), an outcome sets the count to 0, and giving back takes one off. Rows
that were interrupted go after all others, alone, and in ever smaller claims: a batch that died is
taken again in groups of some 20 rows, the rows of a group that died, one by one. So a single row
that kills is found after three deaths, while a power cut, which interrupts thousands of rows, makes
none of them fail and hardly slows them down.
"""

from collections.abc import Iterator
from typing import Any

from ...conf import EngineSettings
from ...models import Notification
from ...models.notification import NotificationQuerySet
from .due import due_of_target
from .order import RowsOf


class InterruptedFound(Exception):
    """Interrupted rows are among the first of what is due; no claim was made."""


def uninterrupted_of_target(*arguments: Any, **options: Any) -> list[NotificationQuerySet]:
    """Return what ``due_of_target()`` does, without rows that were interrupted."""
    return [rows.filter(interruptions=0) for rows in due_of_target(*arguments, **options)]


def turns(settings: EngineSettings) -> Iterator[tuple[RowsOf, int]]:
    """Yield which interrupted rows to claim, and how many at once, in the order of their turns.

    First the rows that are given up and never sent, then the rows with the fewest interruptions.
    """
    most = settings.max_interruptions
    yield _interrupted_of_target(interruptions__gte=most), settings.batch_size
    for interruptions in range(1, most):
        rows_of = _interrupted_of_target(interruptions=interruptions)
        yield rows_of, size_of_group(interruptions, settings)


def size_of_group(interruptions: int, settings: EngineSettings) -> int:
    """Return how many rows that were interrupted so often one claim takes.

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
        notification: A claimed one: its count contains the present claim.
        settings: The engine's settings.

    Returns:
        The response, in English as all responses; ``None`` where the notification is to be sent.
    """
    before = notification.interruptions - 1
    if before < settings.max_interruptions:
        return None
    return f"Interrupted {_times(before)} while it was being delivered."


def _times(number: int) -> str:
    return "three times" if number == 3 else f"{number} times"


def _interrupted_of_target(**condition: int) -> RowsOf:
    def rows_of(*arguments: Any, **options: Any) -> list[NotificationQuerySet]:
        return [rows.filter(**condition) for rows in due_of_target(*arguments, **options)]

    return rows_of
