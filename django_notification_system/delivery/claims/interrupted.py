"""Interrupted rows: claimed by a run that died, or froze, before recording an outcome.

A single row of a batch may have killed the process, and nobody can know which row. So every claim
adds 1 to its rows' ``interruptions``, an outcome sets the count to 0, and a release takes 1 off.
Interrupted rows go after all others, separately, and in ever smaller claims: rows of a dead batch
are claimed again in groups of some 20, rows of a dead group one by one. So a row that kills is
found after three deaths; a power cut, which interrupts thousands of rows, makes no row fail and
hardly slows them down.
"""

from collections.abc import Iterator

from ...conf import EngineSettings
from ...models import Notification
from ...models.notification_queryset import NotificationQuerySet
from .due import Due, RowsOf, free_rows


class InterruptedFound(Exception):
    """The first due rows include interrupted rows; no claim was made."""


def uninterrupted_rows(due: Due) -> list[NotificationQuerySet]:
    """Return due rows that no run has claimed, without interrupted rows.

    Args:
        due: The question.
    """
    return [rows.filter(interruptions=0) for rows in free_rows(due)]


def turns(settings: EngineSettings) -> Iterator[tuple[RowsOf, int]]:
    """Yield kinds of interrupted rows, and how many to claim at once, in the order of their turns.

    First the rows given up and never sent, then the rows with the fewest interruptions.

    Args:
        settings: The engine's settings.
    """
    most = settings.max_interruptions
    yield _interrupted_rows(interruptions__gte=most), settings.batch_size
    for interruptions in range(1, most):
        rows_of = _interrupted_rows(interruptions=interruptions)
        yield rows_of, size_of_group(interruptions, settings)


def size_of_group(interruptions: int, settings: EngineSettings) -> int:
    """Return how many rows with a number of interruptions a claim takes.

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
