"""How long a batch's rows are certain to be the run's."""

import time
import uuid
from collections.abc import Iterable

from ..claims.claim import Claim
from .instant import Instant


class Lease:
    """Renews a claim's lease. The run's thread writes all fields; any thread reads ``is_over``.

    Args:
        claim: The claim.
        seconds: For how long it holds.
        begins: The moment before the claim was made.
    """

    def __init__(self, claim: Claim, seconds: float, begins: Instant) -> None:
        self._claim = claim
        self._seconds = seconds
        #: One object that is replaced as a whole, as other threads read it.
        self._begins = begins
        self._renewed_at = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether others may have the rows, which no run can tell that slept. For any thread."""
        return self._begins.age > self._seconds

    def renew_if_old(self, keys: Iterable[uuid.UUID]) -> None:
        """Renew the lease of these rows where a third of it has passed, even in a long sleep.

        Rows that others have taken by now are not claimed again.
        """
        if self._begins.age > self._seconds / 3:
            self._renew(keys)

    def keep(self, keys: Iterable[uuid.UUID], progress_at: float) -> None:
        """Renew the lease of these rows each third of it, while the handler makes progress.

        Args:
            keys: The rows that have no outcome.
            progress_at: When the handler last made progress, by the monotonic clock.
        """
        is_old = time.monotonic() - self._renewed_at > self._seconds / 3
        if is_old and progress_at > self._renewed_at:
            self._renew(keys)

    def _renew(self, keys: Iterable[uuid.UUID]) -> None:
        begins, renewed_at = Instant.now(), time.monotonic()
        self._claim.renew(keys, self._seconds)
        self._begins, self._renewed_at = begins, renewed_at
