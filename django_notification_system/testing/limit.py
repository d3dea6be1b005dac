"""How much a stand-in takes in a span of time."""

import math
import threading
import time


class MessageLimit:
    """So many messages in each span of time, which begins with the first of them.

    Args:
        number: How many.
        seconds: How long the span is.
    """

    def __init__(self, number: int, seconds: float) -> None:
        self._number = number
        self._seconds = seconds
        self._lock = threading.Lock()
        self._ends_at = -math.inf
        self._left = 0

    def seconds_to_wait(self, messages: int = 1) -> float:
        """Take messages, and return 0; or refuse them, and return how long the span still is."""
        now = time.monotonic()
        with self._lock:
            if now >= self._ends_at:
                self._ends_at = now + self._seconds
                self._left = self._number
            if self._left < messages:
                return self._ends_at - now
            self._left -= messages
            return 0
