"""The reach of a lane's provider: whether it answers, and how much it takes at once."""

from ...outcome import Outcome

#: How many rows a handler may take without an outcome: a handler that takes more reads all rows
#: into a list.
MOST_TAKEN = 2000


class Reach:
    """A lane's knowledge about its provider, from the outcomes.

    The lane's thread writes all fields. The run's thread reads ``has_answered`` and ``is_cut_off``.

    Args:
        cut_off_after: The number of unreachable outcomes in a row after which the lane ends.
        is_probing: Whether the target was paused, so that a single notification is tried first.

    Attributes:
        has_answered: Whether the provider has answered in this run.
        is_cut_off: Whether the provider is taken to be down.
        is_busy: Whether the provider has refused more messages in the present call.
    """

    def __init__(self, cut_off_after: int, *, is_probing: bool) -> None:
        self.has_answered = False
        self.is_cut_off = False
        self.is_busy = False
        self._cut_off_after = cut_off_after
        self._is_probing = is_probing
        self._unreachable_in_row = 0
        #: How many the provider has answered for in the present call, without being busy.
        self._answered = 0
        #: How many the handler may have at once: fewer after the provider was busy.
        self._most_taken = MOST_TAKEN

    @property
    def most_taken(self) -> int:
        """How many notifications the handler may have at once."""
        return 1 if self._is_probing else self._most_taken

    def begin_call(self) -> None:
        """Note the beginning of a call of the handler."""
        self._answered = 0

    def note(self, outcome: Outcome) -> None:
        """Note the provider's state from an outcome: there, busy, or out of reach again.

        Args:
            outcome: The outcome of an attempt.
        """
        if outcome.is_busy:
            self.is_busy = True
            return
        if not outcome.is_provider_down:
            self._answered += 1
            self._unreachable_in_row = 0
            self._is_probing = False
            self.has_answered = True
            return
        self._unreachable_in_row += 1
        if self._is_probing or self._unreachable_in_row >= self._cut_off_after:
            self.is_cut_off = True

    def end_call(self) -> bool:
        """Adapt to the provider's limit; return whether the provider was busy in this call."""
        was_busy, self.is_busy = self.is_busy, False
        if was_busy:
            self._most_taken = max(self._answered, 1)
        else:
            self._most_taken = min(self._most_taken * 2, MOST_TAKEN)
        return was_busy
