"""A sender named in the refusal of every recipient, though the server took the sender itself.

Such a refusal of a single message may be about the recipient, who accepts mail from few senders
only. Where no message of a run gets through, the refusals are about the sender, and the project
must correct the sender's address.
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...exceptions import TargetUnavailable
from ...outcome import OutcomeKind
from ..base import Outcome
from .sender_address import correct_sender

#: The number of refusals, without a delivery, after which the other messages are not tried.
MOST_DOUBTED = 10


@dataclass(frozen=True)
class Doubt:
    """A refusal that names the sender, until sender or recipient is known to be the cause.

    Attributes:
        outcome: The message's outcome if the recipient is the cause.
    """

    outcome: Outcome


class SenderDoubts:
    """The refusals that name the sender, in one call of the handler; used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: list[Outcome] = []
        self._has_delivered = False

    def cleared(self, outcome: Outcome | Doubt) -> list[Outcome]:
        """Return this outcome and the outcomes it clears of doubt; an empty list for a new doubt.

        Raises:
            TargetUnavailable: When too many messages were refused and none was delivered.
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
        """Yield outcomes; at the end stop the target if refusals are still in doubt.

        Raises:
            TargetUnavailable: When no message was delivered, and refusals named the sender.
        """
        yield from outcomes
        if self._outcomes:
            self._stop()

    def _stop(self) -> None:
        raise TargetUnavailable(f"{self._outcomes[0].response}. {correct_sender()}")
