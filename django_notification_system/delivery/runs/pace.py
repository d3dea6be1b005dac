"""The time between two notifications of a lane."""

import time
from collections.abc import Callable

#: How many seconds a lane sleeps at once while waiting for its rate, so that it can be stopped.
LONGEST_SLEEP_SECONDS = 0.1
#: For how many seconds a handler may gather notifications at its rate before sending.
GATHER_SECONDS = 1.0


class Pace:
    """Keeps a lane to its target's rate; for the lane's thread.

    Args:
        seconds_each: The seconds between two notifications; 0: the target has no rate.
    """

    def __init__(self, seconds_each: float) -> None:
        self._seconds_each = seconds_each
        self._next_at = 0.0

    def may_gather(self, silent_seconds: float) -> bool:
        """Return whether the handler may wait for the next notification within its present call.

        A waiting handler yields no outcomes. So the call ends where the wait may be long, or where
        the handler gathers notifications to send them together.

        Args:
            silent_seconds: The seconds since the handler's last progress.
        """
        if not self._seconds_each:
            return True
        wait = self._next_at - time.monotonic()
        return wait <= LONGEST_SLEEP_SECONDS and silent_seconds < GATHER_SECONDS

    @property
    def is_limited(self) -> bool:
        """Whether the target has a rate."""
        return self._seconds_each > 0

    def keep(self, goes_on: Callable[[], bool]) -> bool:
        """Wait until the rate allows the next notification.

        Args:
            goes_on: Returns whether the lane goes on.

        Returns:
            ``False`` where the lane shall end.
        """
        if not self._seconds_each:
            return True
        while (wait := self._next_at - time.monotonic()) > 0:
            if not goes_on():
                return False
            time.sleep(min(wait, LONGEST_SLEEP_SECONDS))
        now = time.monotonic()
        is_on_time = now - self._next_at < self._seconds_each
        self._next_at = (self._next_at if is_on_time else now) + self._seconds_each
        return True
