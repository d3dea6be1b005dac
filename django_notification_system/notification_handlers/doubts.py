"""Refusals that name the sender, and may be about the recipient.

A recipient may accept mail from few senders only, and a number may send to few countries. Where no
message of a run gets through, the refusals are about the sender, and the project must correct the
sender in the settings.
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..exceptions import TargetUnavailable
from ..outcome import Outcome, OutcomeKind


@dataclass(frozen=True)
class Doubt:
    """A refusal that names the sender, until sender or recipient is known to be the cause.

    Attributes:
        outcome: The message's outcome if the recipient is the cause.
        problem: Why the target stops if the sender is the cause, with the next step.
    """

    outcome: Outcome
    problem: str


class SenderDoubts:
    """The refusals that name the sender, in one call of the handler; used by several threads.

    Args:
        most: The number of refusals, without a delivery, after which the other messages are not
            tried.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._doubts: list[Doubt] = []
        self._has_delivered = False

    def cleared(self, outcome: Outcome | Doubt) -> list[Outcome]:
        """Return this outcome and the outcomes it clears of doubt; an empty list for a new doubt.

        Args:
            outcome: The newest outcome, or the newest refusal in doubt.

        Raises:
            TargetUnavailable: When too many messages were refused and none was delivered.
        """
        with self._lock:
            if isinstance(outcome, Outcome):
                if outcome.result is not OutcomeKind.DELIVERED:
                    return [outcome]
                self._has_delivered = True
                known, self._doubts = self._doubts, []
                return [*(doubt.outcome for doubt in known), outcome]
            if self._has_delivered:
                return [outcome.outcome]
            self._doubts.append(outcome)
            if len(self._doubts) >= self._most:
                self._stop()
            return []

    def watch(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield outcomes; at the end stop the target if refusals are still in doubt.

        Args:
            outcomes: Outcomes, and refusals in doubt.

        Raises:
            TargetUnavailable: When no message was delivered, and refusals named the sender.
        """
        yield from outcomes
        if self._doubts:
            self._stop()

    def _stop(self) -> None:
        raise TargetUnavailable(self._doubts[0].problem)
