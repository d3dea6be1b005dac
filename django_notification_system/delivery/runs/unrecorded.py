"""Outcomes of a batch, waiting to be recorded together."""

import time

from ...outcome import Outcome
from ..claims.large_texts import LONG_BYTES_AT_ONCE

#: How many seconds an outcome waits for others; the run takes the lanes' answers as often.
RECORD_AFTER_SECONDS = 0.05


class Unrecorded:
    """Outcomes applied to their notifications, and not yet in the database.

    Args:
        most: The number of waiting outcomes at which they are recorded.
    """

    def __init__(self, most: int) -> None:
        self.outcomes: list[Outcome] = []
        self._most = most
        self._since = 0.0
        self._long_size = 0

    def __len__(self) -> int:
        """Return how many outcomes wait."""
        return len(self.outcomes)

    def add(self, outcome: Outcome, since: float) -> None:
        """Keep an outcome until recorded.

        Args:
            outcome: The outcome.
            since: When the handler yielded the outcome, by the monotonic clock.
        """
        if not self.outcomes:
            self._since = since
            self._long_size = 0
        self.outcomes.append(outcome)
        self._long_size += outcome.notification.long_size

    @property
    def is_full(self) -> bool:
        """Whether enough outcomes wait, or their notifications have long texts in memory."""
        return len(self.outcomes) >= self._most or self._long_size > LONG_BYTES_AT_ONCE

    @property
    def is_old(self) -> bool:
        """Whether the oldest outcome has waited long enough."""
        return bool(self.outcomes) and time.monotonic() - self._since >= RECORD_AFTER_SECONDS
