"""Messages between a lane's thread and the run's thread."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ...models import Notification
from ...outcome import Outcome
from .instant import Instant

if TYPE_CHECKING:
    from .in_flight import BatchInFlight
    from .lane import Lane


#: A row with its batch.
BatchRow = tuple["BatchInFlight", Notification]


@dataclass(frozen=True, slots=True)
class RowsWanted:
    """The lane asks for rows."""

    lane: "Lane"


@dataclass(frozen=True, slots=True)
class Arrived:
    """Enough outcomes wait to be recorded."""

    lane: "Lane"


@dataclass(frozen=True, slots=True)
class Finished:
    """The lane has delivered all due rows, or its target cannot be used.

    Attributes:
        lane: The lane that ends.
        problem: Why the target cannot be used, or ``None``.
    """

    lane: "Lane"
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Doubted:
    """Rows have waited in the lane since their check, or the process has slept.

    Attributes:
        lane: The lane with the rows.
        rows: The rows, in order.
    """

    lane: "Lane"
    rows: list[BatchRow]


#: From the lane to the run.
Event = RowsWanted | Arrived | Finished | Doubted


class FinishCall(enum.Enum):
    """Asks the handler for the outcomes of its rows, before more rows come."""

    FINISH_CALL = "finish call"


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows to send.

    Attributes:
        rows: The rows, in order.
        checked_at: When the database confirmed the rows.
        is_recheck: Whether the lane had doubted the rows.
    """

    rows: list[BatchRow]
    checked_at: Instant
    is_recheck: bool = False


#: From the run to the lane: rows; or no rows yet; or, as ``None``, no rows any more.
Fed = Slice | FinishCall | None


@dataclass(frozen=True, slots=True)
class Answer:
    """An object yielded by the handler: a taken notification's outcome, if the handler is sound.

    Attributes:
        batch: The notification's batch; ``None`` where the handler was not given the notification.
        outcome: The object.
        at: When the handler yielded the object.
        monotonic: The same moment by the monotonic clock.
    """

    batch: "BatchInFlight | None"
    outcome: object
    at: datetime
    monotonic: float

    def sound(self) -> "SoundAnswer | None":
        """Return the answer if the object is the outcome of a notification given to the handler."""
        if self.batch is None or not isinstance(self.outcome, Outcome):
            return None
        return SoundAnswer(self.batch, self.outcome, self.at, self.monotonic)


@dataclass(frozen=True, slots=True)
class SoundAnswer:
    """An outcome with its notification's batch; for the run's thread.

    Attributes:
        batch: The notification's batch.
        outcome: The notification's outcome.
        at: When the handler yielded the outcome.
        monotonic: The same moment by the monotonic clock.
    """

    batch: "BatchInFlight"
    outcome: Outcome
    at: datetime
    monotonic: float

    def apply(self) -> None:
        """Apply the outcome to its notification."""
        self.batch.take_outcome(self.outcome, at=self.at, since=self.monotonic)
