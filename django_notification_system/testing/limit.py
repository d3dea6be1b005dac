"""How much a stand-in takes in a span of time."""

import math
import threading
import time


class MessageLimit:
    """A limit of messages in a span of time; a span begins with its first message.

    Args:
        number: The most messages in a span.
        seconds: The span's length, in seconds.
    """

    def __init__(self, number: int, seconds: float) -> None:
        self._number = number
        self._seconds = seconds
        self._lock = threading.Lock()
        self._ends_at = -math.inf
        self._left = 0

    def seconds_to_wait(self, messages: int = 1) -> float:
        """Accept messages and return 0, or refuse them and return the span's remaining seconds.

        Args:
            messages: Number of messages.
        """
        now = time.monotonic()
        with self._lock:
            if now >= self._ends_at:
                self._ends_at = now + self._seconds
                self._left = self._number
            if self._left < messages:
                return self._ends_at - now
            self._left -= messages
            return 0
