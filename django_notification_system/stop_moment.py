"""When the process was told to stop, and whether the time for what is in flight is over."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: How long what is in flight has from the moment on that the process is told to stop. Who told it
#: kills it soon after: Docker after 10 seconds, Kubernetes after 30.
WIND_UP_SECONDS = 8.0

_stopped_at: ContextVar[Callable[[], float | None] | None] = ContextVar("stopped_at", default=None)


@contextmanager
def stopped_at(moment: Callable[[], float | None]) -> Iterator[None]:
    """Let what is done meanwhile in this thread know when the process was told to stop.

    Args:
        moment: Tells when, by the monotonic clock; ``None``: it was not.
    """
    token = _stopped_at.set(moment)
    try:
        yield
    finally:
        _stopped_at.reset(token)


def stop_moment() -> float | None:
    """Return when the process was told to stop, by the monotonic clock; ``None``: it was not."""
    moment = _stopped_at.get()
    return None if moment is None else moment()


def can_be_stopped() -> bool:
    """Tell whether this thread is one that is told when to stop."""
    return _stopped_at.get() is not None


def is_time_up() -> bool:
    """Tell whether what is in flight has had its time since the process was told to stop."""
    moment = stop_moment()
    return moment is not None and time.monotonic() > moment + WIND_UP_SECONDS
