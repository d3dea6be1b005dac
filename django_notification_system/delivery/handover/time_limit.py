"""A time limit for calls into other people's code without a time limit."""

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from django.db import connections

from ...outcome import one_line

#: How long a task engine may take for a batch. Redis' client goes on for a minute and more.
ENQUEUE_SECONDS = 2.0
#: When all calls inside ``all_within()`` shall be over, by the monotonic clock.
_ends_at = contextvars.ContextVar("ends_at", default=float("inf"))


@contextmanager
def all_within(seconds: float) -> Iterator[None]:
    """Limit the calls of ``within()`` inside this block to a number of seconds together.

    Args:
        seconds: The seconds for all calls.
    """
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def within(seconds: float, call: Callable[[], object]) -> None:
    """Call a function in a new thread, with a time limit.

    Args:
        seconds: How long; less where ``all_within()`` leaves less.
        call: The function. A call that takes longer is left behind, and ends by itself.

    Raises:
        TimeoutError: When the call takes longer.
        Exception: The call's own error.
        RuntimeError: In place of the call's ``SystemExit`` or another error that is no
            ``Exception``.
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
            connections.close_all()  # the connections of this thread

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
