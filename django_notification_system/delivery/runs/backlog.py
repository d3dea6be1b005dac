"""The count of a lane's unrecorded outcomes, and the lane's wait for fewer.

The count bounds the copies where the process is killed: a handler that waits here sends nothing
more.
"""

import threading


class Backlog:
    """Counts the outcomes of a lane between the lane's thread and the run's.

    Only one thread writes a number, so that no lock is needed.

    Args:
        most: How many outcomes may wait to be recorded.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        #: Outcomes from the handler. Written by the lane's thread, read by both.
        self._given = 0
        #: Outcomes taken over from the lane. Written and read by the run's thread.
        self._taken = 0
        #: Outcomes that no longer wait. Written by the run's thread, read by both.
        self._through = 0
        self._is_less = threading.Event()

    def give(self) -> None:
        """Count an outcome from the handler; for the lane's thread."""
        self._given += 1

    def take(self) -> None:
        """Count an outcome taken over from the lane; for the run's thread."""
        self._taken += 1

    def keep(self, unrecorded: int) -> bool:
        """Count as recorded the outcomes taken over and no longer kept; for the run's thread.

        Args:
            unrecorded: How many outcomes taken over from the lane wait to be recorded.

        Returns:
            Whether the lane may have waited for fewer.
        """
        through = self._taken - unrecorded
        if through == self._through:
            return False
        was_full = self.is_full
        self._through = through
        self._is_less.set()
        return was_full

    @property
    def is_full(self) -> bool:
        """Whether as many outcomes wait as may."""
        return self._given - self._through >= self._most

    def wait(self, seconds: float) -> None:
        """Wait until fewer outcomes wait; for the lane's thread.

        Args:
            seconds: The longest wait.
        """
        self._is_less.clear()
        if self.is_full:
            self._is_less.wait(seconds)
