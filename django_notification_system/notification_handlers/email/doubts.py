"""A sender that the server refuses with each recipient, though it took the sender itself.

What it says of one message may be about that recipient, who takes mail from a few alone. Where
nothing of a run gets through, it is about the sender, and the project is to correct it.
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...exceptions import TargetUnavailable
from ...outcome import OutcomeKind
from ..base import Outcome
from .sender_address import correct_sender

#: After so many refusals, and no delivery, the rest is not tried.
MOST_DOUBTED = 10


@dataclass(frozen=True)
class Doubt:
    """A refusal that names the sender, until it is known whom it is about.

    Attributes:
        outcome: What comes of the message if it is about the recipient.
    """

    outcome: Outcome


class SenderDoubts:
    """The refusals of one call of the handler that name the sender; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: list[Outcome] = []
        self._has_delivered = False

    def settled(self, outcome: Outcome | Doubt) -> list[Outcome]:
        """Return what is known now, with what was in doubt until now.

        Raises:
            TargetUnavailable: When so many were refused, and none was delivered.
        """
        with self._lock:
            if isinstance(outcome, Outcome):
                if outcome.result is not OutcomeKind.DELIVERED:
                    return [outcome]
                self._has_delivered = True
                known, self._outcomes = self._outcomes, []
                return [*known, outcome]
            if self._has_delivered:
                return [outcome.outcome]
            self._outcomes.append(outcome.outcome)
            if len(self._outcomes) >= MOST_DOUBTED:
                self._stop()
            return []

    def watch(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield outcomes; stop the target in the end, where nothing got through.

        Raises:
            TargetUnavailable: When all was refused that was not in doubt for another reason.
        """
        yield from outcomes
        if self._outcomes:
            self._stop()

    def _stop(self) -> None:
        raise TargetUnavailable(f"{self._outcomes[0].response}. {correct_sender()}")
