"""The time for which a batch's rows certainly belong to the run."""

import time
import uuid
from collections.abc import Iterable

from ..claims.claim import Claim
from .instant import Instant


class Lease:
    """Renews a claim's lease. The run's thread writes all fields; any thread reads ``is_over``.

    Args:
        claim: The claim.
        seconds: The length of the lease.
        begins: The moment before the claim was made.
    """

    def __init__(self, claim: Claim, seconds: float, begins: Instant) -> None:
        self._claim = claim
        self._seconds = seconds
        #: Replaced as a whole, because other threads read the object.
        self._begins = begins
        self._renewed_at = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether other runs may have the rows, as after a sleep of the process. For any thread."""
        return self._begins.age > self._seconds

    def renew_if_old(self, keys: Iterable[uuid.UUID]) -> None:
        """Renew the rows' lease after a third of its time, even a third spent asleep.

        Rows that another run has claimed meanwhile are not claimed again.

        Args:
            keys: The rows' keys.
        """
        if self._begins.age > self._seconds / 3:
            self._renew(keys)

    def keep(self, keys: Iterable[uuid.UUID], progress_at: float) -> None:
        """Renew the rows' lease at every third of its time, while the handler makes progress.

        Args:
            keys: The rows without an outcome.
            progress_at: When the handler last made progress, by the monotonic clock.
        """
        is_old = time.monotonic() - self._renewed_at > self._seconds / 3
        if is_old and progress_at > self._renewed_at:
            self._renew(keys)

    def _renew(self, keys: Iterable[uuid.UUID]) -> None:
        begins, renewed_at = Instant.now(), time.monotonic()
        self._claim.renew(keys, self._seconds)
        self._begins, self._renewed_at = begins, renewed_at
