"""The moment at which the process was told to stop, and the time limit after it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Seconds for messages in flight after the process was told to stop. The process will be killed
#: soon after: by Docker after 10 seconds, by Kubernetes after 30.
WIND_UP_SECONDS = 7.0

_stopped_at: ContextVar[Callable[[], float | None] | None] = ContextVar("stopped_at", default=None)


@contextmanager
def stopped_at(moment: Callable[[], float | None]) -> Iterator[None]:
    """Let code inside this context, in this thread, ask for the moment of the stop.

    Args:
        moment: Returns the moment by the monotonic clock; ``None`` before a stop.
    """
    token = _stopped_at.set(moment)
    try:
        yield
    finally:
        _stopped_at.reset(token)


def stop_moment() -> float | None:
    """Return the moment of the stop by the monotonic clock; ``None`` before a stop."""
    moment = _stopped_at.get()
    return None if moment is None else moment()


def can_be_stopped() -> bool:
    """Tell whether this thread can ask for the moment of the stop."""
    return _stopped_at.get() is not None


def is_time_up() -> bool:
    """Tell whether the time for messages in flight is over."""
    moment = stop_moment()
    return moment is not None and time.monotonic() > moment + WIND_UP_SECONDS
