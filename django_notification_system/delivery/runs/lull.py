"""How long to leave a provider alone that says that it is busy."""

import time
from datetime import datetime

from django.utils import timezone

from ...models.notification import as_project_time
from ...outcome import Outcome
from .lane import Answer

#: The wait for a provider that names no time; twice as long each time that nothing gets through.
FIRST_WAIT_SECONDS = 1.0
#: How often a run waits in vain before it leaves the rest to a later one.
MOST_WAITS = 5
#: A run that would have to wait for longer leaves the rest to a later one, too.
LONGEST_WAIT_SECONDS = 30


class Lull:
    """The time in which a provider wants no more, as far as a run knows.

    Args:
        pause_seconds: For how long to pause the target where the provider names no time.

    Attributes:
        refused: What the provider was too busy for since it last took something.
        is_too_long: Whether the run is not to wait for its end.
        seconds: For how long the target is to be paused in that case.
    """

    def __init__(self, pause_seconds: float) -> None:
        self.refused: list[Answer] = []
        self.is_too_long = False
        self.seconds = pause_seconds
        self._waits = 0
        self._is_on = False
        self._ends_at = 0.0

    @property
    def seconds_to_wait(self) -> float:
        """How long it is until the provider may be asked again; 0: it may be now."""
        return max(0.0, self._ends_at - time.monotonic())

    def begin(self, answer: Answer, outcome: Outcome, *, has_answered: bool) -> None:
        """Note that the provider is busy.

        A provider that names no time, and takes nothing at all, is not worth waiting for.

        Args:
            answer: What the handler said.
            outcome: Likewise.
            has_answered: Whether the provider has taken or judged anything in this run.
        """
        self.refused.append(answer)
        asked = _seconds_until(outcome.not_before)
        self._is_on = True
        own = FIRST_WAIT_SECONDS * 2**self._waits
        # The first time as long as it asks, even if that is no time at all.
        wait = own if asked is None else max(asked, own if self._waits else 0)
        self._ends_at = max(self._ends_at, time.monotonic() + wait)
        is_hopeless = asked is None and not has_answered
        if is_hopeless or self._waits >= MOST_WAITS or wait > LONGEST_WAIT_SECONDS:
            self.is_too_long = True
            self.seconds = max(self.seconds, wait)

    def is_over(self) -> bool:
        """Tell whether the provider may be asked again, and count the wait if there was one."""
        if self.seconds_to_wait:
            return False
        self._waits += self._is_on
        self._is_on = False
        return True

    def end(self) -> None:
        """Note that the provider has taken or judged something."""
        self.refused.clear()
        self._waits = 0


def _seconds_until(moment: datetime | None) -> float | None:
    if moment is None:
        return None
    return max(0.0, (as_project_time(moment) - timezone.now()).total_seconds())
