"""Find out whether a target was paused while its lane is at work."""

import time

from ...database import patiently
from ...models import NotificationTarget
from ..claims.pause import explained, is_paused

#: Seconds between two rechecks of a lane's target: the lane may be at work for hours.
PAUSE_RECHECK_SECONDS = 1.0


class PauseRecheck:
    """Notices when a person, or another host's run, has paused a target.

    Args:
        target: The target.
        using: The database's alias.

    Attributes:
        found: The sentence about the pause, once found.
    """

    def __init__(self, target: NotificationTarget, using: str) -> None:
        self.found: str | None = None
        self._rows = NotificationTarget.objects.using(using).filter(pk=target.pk)
        self._using = using
        self._checked_at = time.monotonic()

    def finds_pause(self) -> bool:
        """Return whether the target is paused, as of at most a second ago."""
        now = time.monotonic()
        if self.found is None and now - self._checked_at > PAUSE_RECHECK_SECONDS:
            self._checked_at = now
            current = patiently(self._rows.first, using=self._using)
            if current is not None and is_paused(current):
                self.found = explained(current)
        return self.found is not None
