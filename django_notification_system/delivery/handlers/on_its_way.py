"""Notifications whose sending has begun; all others can be released."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ...models import Notification


class Released(Exception):
    """The run has released the notification; the handler must not send the message."""


def begin_sending(*notifications: Notification) -> None:
    """Mark notifications as about to be sent; nobody can know from now on whether they went out.

    A handler that takes several notifications ahead marks every notification. A run that stops
    releases unmarked notifications.

    Args:
        notifications: The notifications that the next request sends.

    Raises:
        Released: When the run has just released a notification.
    """
    for notification in notifications:
        notification.is_on_its_way = True
    # Both threads write their own mark before they read the other thread's: so at least one of the
    # two sees the other's mark.
    if any(notification.is_released for notification in notifications):
        raise Released("The run has ended; another one sends it.")


def release_unsent(
    notifications: Iterable[Notification], *, says_so: bool = False
) -> list[Notification]:
    """Forbid a handler to begin more messages; return the notifications that may be sent already.

    Args:
        notifications: Taken by the handler, and without an outcome.
        says_so: Whether the handler calls ``begin_sending()``; one marked notification proves the
            same. Otherwise all notifications may be sent already.
    """
    taken = list(notifications)
    for notification in taken:
        notification.is_released = True
    begun = [notification for notification in taken if notification.is_on_its_way]
    return begun if begun or says_so else taken


_is_over: ContextVar[Callable[[], bool]] = ContextVar("is_over", default=lambda: False)


def is_time_over() -> Callable[[], bool]:
    """Return this thread's function that tells whether the time is over."""
    return _is_over.get()


@contextmanager
def begin_nothing_more_when(is_over: Callable[[], bool]) -> Iterator[None]:
    """Let ``side_by_side()`` in this thread begin no further item once the time is over.

    Args:
        is_over: Returns whether the time is over; called in the workers' threads.
    """
    token = _is_over.set(is_over)
    try:
        yield
    finally:
        _is_over.reset(token)
