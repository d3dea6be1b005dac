"""A claim that was made before the run, by another process mostly."""

import uuid
from datetime import datetime

from ...conf import engine_settings
from ...models import NotificationTarget
from ..claims.claim import Claim, take_over


class GivenClaim:
    """What a run delivers that claims nothing itself.

    It is taken over when the run is about to send, and after it has waited for the target's rate:
    no other process finds it any more, and the lease begins anew.

    Args:
        target: Whose notifications.
        token: What the claim was made with.
        keys: Those of its rows, oldest first.
        due_at: Leave what is due later by now.
        using: The database's alias.

    Attributes:
        is_taken: Whether the run has asked for it.
        size: How many rows it still held then.
    """

    def __init__(
        self,
        target: NotificationTarget,
        token: uuid.UUID,
        keys: list[uuid.UUID],
        *,
        due_at: datetime,
        using: str,
    ) -> None:
        self.target = target
        self.is_taken = False
        self.size = 0
        self._token = token
        self._keys = keys
        self._due_at = due_at
        self._using = using

    def take(self, size: int, *, interrupted: bool) -> Claim:
        """Take over at most so many, and give back the rest; after the first time return none.

        Args:
            size: How many, at the most.
            interrupted: Whether the run may claim rows that were interrupted. This claim was made
                before, of these or of others.
        """
        keys = [] if self.is_taken else self._keys[:size]
        self.is_taken = True
        claim = take_over(
            self._token,
            keys,
            self.target,
            due_at=self._due_at,
            lease_seconds=engine_settings().lease_seconds,
            using=self._using,
        )
        self.size += len(claim.notifications)
        self.give_back()
        return claim

    def give_back(self) -> None:
        """Make free again what nobody has taken over."""
        Claim(self._token, [], self._using, is_counted=False).release(self._keys)
