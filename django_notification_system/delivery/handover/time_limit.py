"""A time limit for a call into somebody else's code that knows none."""

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from django.db import connections

from ...outcome import one_line

#: How long a task engine may take to accept a batch. Redis' client goes on for a minute and more.
ENQUEUE_SECONDS = 2.0
#: When all calls of whoever is at work are to be over, by the monotonic clock.
_ends_at = contextvars.ContextVar("ends_at", default=float("inf"))


@contextmanager
def all_within(seconds: float) -> Iterator[None]:
    """Let the calls that are made meanwhile take no longer than so many together."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def within(seconds: float, call: Callable[[], object]) -> None:
    """Make a call in a thread of its own, and wait for it for so long.

    Args:
        seconds: How long; less where ``all_within()`` leaves less.
        call: What to do. A call that goes on for longer is left behind, and ends by itself.

    Raises:
        TimeoutError: When it has not returned by then.
        Exception: What the call raised.
    """
    seconds = max(0.0, min(seconds, _ends_at.get() - time.monotonic()))
    answers: SimpleQueue[BaseException | None] = SimpleQueue()

    def work() -> None:
        try:
            call()
        except BaseException as error:
            answers.put(error)
        else:
            answers.put(None)
        finally:
            connections.close_all()  # those of this thread

    # Traces and the like go on in the thread.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), daemon=True, name="enqueue").start()
    try:
        error = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"It took more than {seconds:.2g} seconds.") from None
    if isinstance(error, Exception):
        raise error
    if error is not None:
        raise RuntimeError(one_line(error)) from error
