"""Which notifications their handler has begun to send, so that the others can be given back."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ...models import Notification


class GivenBack(Exception):
    """The run has given a notification back, so its handler must not send it any more."""


def begin_sending(*notifications: Notification) -> None:
    """Say that a handler is about to send these: nobody can know from now on whether they are out.

    A handler that takes several ahead says so of each. When the run is to stop, those that it took
    and did not begin to send are given back.

    Raises:
        GivenBack: When that has just happened.
    """
    for notification in notifications:
        notification.is_on_its_way = True
    # In this order, and the run in the other: at least one of the two threads sees what the other
    # has written.
    if any(notification.is_given_back for notification in notifications):
        raise GivenBack("The run has ended; another one sends it.")


def give_back_unsent(
    notifications: Iterable[Notification], *, says_so: bool = False
) -> list[Notification]:
    """Keep a handler from beginning to send what it took, and return what it may have sent already.

    Args:
        notifications: What it took and has given no outcome.
        says_so: Whether its handler says what it begins to send. Where it has said so of any of
            these, it does; of another's nobody can know.
    """
    taken = list(notifications)
    for notification in taken:
        notification.is_given_back = True
    begun = [notification for notification in taken if notification.is_on_its_way]
    return begun if begun or says_so else taken


_is_over: ContextVar[Callable[[], bool]] = ContextVar("is_over", default=lambda: False)


@contextmanager
def beginning_nothing_more_when(is_over: Callable[[], bool]) -> Iterator[None]:
    """Let what is worked on side by side in this thread begin no item any more from a moment on.

    Args:
        is_over: Tells whether that moment has come; called in the workers' threads.
    """
    token = _is_over.set(is_over)
    try:
        yield
    finally:
        _is_over.reset(token)
