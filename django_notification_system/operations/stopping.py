"""Ending in order when the operating system, or a person at the terminal, says so."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..delivery.database import patient_until_stopped


@contextmanager
def stopped_by_signals(stop_in_order: Callable[[], None]) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the work in order; a second Ctrl-C ends it at once.

    Where the database is out of reach meanwhile, the work waits for it some seconds more.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return

    stopped_at: float | None = None

    def stop(number: int, frame: Any) -> None:
        nonlocal stopped_at
        stopped_at = time.monotonic() if stopped_at is None else stopped_at
        stop_in_order()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with patient_until_stopped(lambda: stopped_at):
            yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
