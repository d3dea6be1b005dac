"""A busy provider's lull: for how long a run leaves the provider alone."""

import time
from datetime import datetime

from django.utils import timezone

from ...models.moments import as_project_time
from .messages import SoundAnswer

#: The first wait where a busy provider names no time; doubled while no message gets through.
FIRST_WAIT_SECONDS = 1.0
#: How often a run waits in vain before leaving the rest to a later run.
MOST_WAITS = 5
#: A run that would have to wait for longer leaves the rest to a later run, too.
LONGEST_LULL_SECONDS = 30


class Lull:
    """The time in which a provider wants no messages, as far as a run knows.

    Args:
        pause_seconds: How long to pause the target where the provider names no time.

    Attributes:
        refused: The refusals since the provider last took a message.
        is_on: Whether the provider has asked for a wait that was not counted yet.
        seconds: The length of the pause, in seconds.
    """

    def __init__(self, pause_seconds: float) -> None:
        self.refused: list[SoundAnswer] = []
        self.seconds = pause_seconds
        self._pause_seconds = pause_seconds
        self._is_hopeless = False
        self._asks_for_long = False
        self._waits = 0
        self.is_on = False
        self._ends_at = 0.0

    @property
    def is_too_long(self) -> bool:
        """Whether the run pauses the target instead of waiting."""
        return self._is_hopeless or self._asks_for_long

    @property
    def seconds_to_wait(self) -> float:
        """The seconds until the provider may be asked again; 0: now."""
        return max(0.0, self._ends_at - time.monotonic())

    def begin(self, answer: SoundAnswer, *, has_answered: bool) -> None:
        """Note a busy provider's refusal.

        A provider that names no time, and has taken no message at all, is not worth a wait.

        Args:
            answer: The refusal.
            has_answered: Whether the provider has taken or judged any message in this run.
        """
        self.refused.append(answer)
        asked = _seconds_until(answer.outcome.not_before)
        self.is_on = True
        own = FIRST_WAIT_SECONDS * 2**self._waits
        # The first wait follows the provider's own time, even a time of zero.
        wait = own if asked is None else max(asked, own if self._waits else 0)
        self._ends_at = max(self._ends_at, time.monotonic() + wait)
        takes_nothing = asked is None and not has_answered
        self._is_hopeless |= takes_nothing or self._waits >= MOST_WAITS
        self._asks_for_long |= wait > LONGEST_LULL_SECONDS
        if self.is_too_long:
            self.seconds = max(self.seconds, wait)

    def count(self) -> None:
        """Count the wait if the wait is over."""
        if not self.seconds_to_wait:
            self._waits += self.is_on
            self.is_on = False

    def end(self) -> None:
        """Note that the provider has taken or judged a message.

        Of messages side by side the provider may refuse the first and take the next. A long time
        that the provider has named stays.
        """
        self.refused.clear()
        self._waits = 0
        self._is_hopeless = False
        if not self._asks_for_long:
            self.seconds = self._pause_seconds


def _seconds_until(moment: datetime | None) -> float | None:
    if moment is None:
        return None
    return max(0.0, (as_project_time(moment) - timezone.now()).total_seconds())
