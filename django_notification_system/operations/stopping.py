"""Ending in order when the operating system, or a person at the terminal, says so."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stopped_by_signals(stop_in_order: Callable[[], None]) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the work in order; a second Ctrl-C ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return

    def stop(number: int, frame: Any) -> None:
        stop_in_order()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
