"""Ending in order when the operating system, or a person at the terminal, says so."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from ...stop_moment import stopped_at
from .forced_end import ForcedEnd


@contextmanager
def stopped_by_signals(
    stop_in_order: Callable[[], None], *, owns_process: bool = False
) -> Iterator[Callable[[], float | None]]:
    """Let SIGTERM, SIGHUP and Ctrl-C end the work in order; a second Ctrl-C ends it at once.

    SIGHUP stays ignored where ``nohup`` started the process. Where the database is out of reach
    meanwhile, the work waits some seconds longer for the database.

    Args:
        stop_in_order: Called once, in a signal handler, at any moment before this context is left.
        owns_process: Whether the process exists for this work alone. Such a process ends by force
            shortly before ten seconds are over.

    Yields:
        A function that returns the moment of the stop by the monotonic clock; ``None`` before a
        stop.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None  # only the main thread may set signal handlers
        return

    moment: float | None = None

    def stop(number: int, frame: Any) -> None:
        nonlocal moment
        if moment is not None:
            return  # a storm's second signal, which may come while the first is being handled
        moment = time.monotonic()
        stop_in_order()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    previous = {number: signal.signal(number, stop) for number in _heeded()}
    try:
        with (
            stopped_at(lambda: moment),
            ForcedEnd(previous) if owns_process else nullcontext(),
        ):
            yield lambda: moment
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _heeded() -> list[signal.Signals]:
    """Return the signals that end the work in order."""
    heeded = [signal.SIGINT, signal.SIGTERM]
    # The terminal was closed, or a service is to reload; Windows has no such signal.
    hang_up: signal.Signals | None = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        heeded.append(hang_up)
    return heeded
