"""How many outcomes of a lane wait to be recorded, and the lane's wait for fewer.

The number is the bound of what is sent twice where the process is killed: a handler that waits
here sends nothing more.
"""

import threading


class Backlog:
    """Counts the outcomes of one lane between the lane's thread and the run's.

    Each number is written by one thread alone, so that no lock is needed.

    Args:
        most: How many outcomes may wait to be recorded.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        #: Outcomes that the handler gave; the lane's thread writes the number.
        self._given = 0
        #: Outcomes that the run took over from the lane; the run's thread writes the number.
        self._taken = 0
        #: Outcomes that no longer wait; the run's thread writes the number.
        self._through = 0
        self._is_less = threading.Event()

    def give(self) -> None:
        """Count an outcome that the handler gave; for the lane's thread."""
        self._given += 1

    def take(self) -> None:
        """Count an outcome that the run took over; for the run's thread."""
        self._taken += 1

    def keep(self, unrecorded: int) -> bool:
        """Count as recorded what the run took over and keeps no longer; for the run's thread.

        Args:
            unrecorded: How many of the outcomes that the run took over wait to be recorded.

        Returns:
            Whether the lane may have waited for this.
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
        """Wait until fewer outcomes wait, at most so many seconds; for the lane's thread."""
        self._is_less.clear()
        if self.is_full:
            self._is_less.wait(seconds)
