"""The turn of interrupted rows: alone, after all others."""

import time

from ..claims.claim import Claim

#: How many seconds interrupted rows wait until the run's other targets have no row on its way.
LONGEST_TURN_SECONDS = 10.0
#: Seconds between searches for other rows of a target whose interrupted rows wait.
TURN_RECHECK_SECONDS = 1.0


class Turn:
    """Whether a target's interrupted rows are next, and how long they have waited.

    An interrupted row may kill the process. So no other row is on its way meanwhile: the other row
    would count as interrupted, too.

    Attributes:
        is_next: Whether only interrupted rows are left to claim.
    """

    def __init__(self) -> None:
        self.is_next = False
        self._since: float | None = None
        self._rechecked_at = 0.0

    def note(self, claim: Claim) -> None:
        """Note from a claim whether only interrupted rows are left.

        Args:
            claim: The claim.
        """
        self.is_next = claim.leaves_interrupted or claim.was_interrupted
        if not claim.leaves_interrupted:
            self._since = None

    def wait(self) -> bool:
        """Wait on; return ``False`` where the target shall be searched for other rows first."""
        now = time.monotonic()
        if self._since is None:
            self._since = self._rechecked_at = now
        if now - self._rechecked_at > TURN_RECHECK_SECONDS:
            self._rechecked_at = now
            self.is_next = False
        return self.is_next

    @property
    def has_waited_long(self) -> bool:
        """Whether the rows have waited as long as they may."""
        return self._since is not None and time.monotonic() - self._since > LONGEST_TURN_SECONDS
