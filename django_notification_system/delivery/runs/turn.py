"""The turn of rows that were interrupted: they go alone, after all others."""

import time

from ..claims.claim import Claim

#: How long interrupted rows wait for the other targets of the run to have nothing on its way.
LONGEST_TURN_SECONDS = 10.0
#: How often a target whose interrupted rows wait is searched for other rows.
TURN_RECHECK_SECONDS = 1.0


class Turn:
    """Whether a target's interrupted rows are next, and how long they have waited.

    An interrupted row may kill the process. So nothing else is on its way meanwhile: it would count
    as interrupted, too.

    Attributes:
        is_next: Whether only interrupted rows are left to claim.
    """

    def __init__(self) -> None:
        self.is_next = False
        self._since: float | None = None
        self._rechecked_at = 0.0

    def note(self, claim: Claim) -> None:
        """Note from a claim whether only interrupted rows are left."""
        self.is_next = claim.leaves_interrupted or claim.was_interrupted
        if not claim.leaves_interrupted:
            self._since = None

    def wait(self) -> bool:
        """Wait on; ``False`` where the target is to be searched for other rows first."""
        now = time.monotonic()
        if self._since is None:
            self._since = self._rechecked_at = now
        if now - self._rechecked_at > TURN_RECHECK_SECONDS:
            self._rechecked_at = now
            self.is_next = False
        return self.is_next

    @property
    def has_waited_long(self) -> bool:
        """Whether the rows have waited for as long as they may."""
        return self._since is not None and time.monotonic() - self._since > LONGEST_TURN_SECONDS
