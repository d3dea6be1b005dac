"""How much time has passed, though the process was stopped or the machine asleep meanwhile."""

import time
from dataclasses import dataclass
from typing import Self

#: A clock that nobody sets. On Linux it goes on while the machine is suspended, where the one of
#: ``time.monotonic()`` stands still. Source: clock_gettime(2), CLOCK_BOOTTIME.
CLOCK: int = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", -1))


def _elapsed() -> float:
    return time.clock_gettime(CLOCK) if CLOCK >= 0 else time.monotonic()


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, by two clocks: one of them notices a gap that the other does not.

    Attributes:
        elapsed: By a clock that nobody sets.
        wall: By the time of day: a virtual machine that was paused has it corrected.
    """

    elapsed: float
    wall: float

    @classmethod
    def now(cls) -> Self:
        """Return the present moment."""
        return cls(_elapsed(), time.time())

    @property
    def age(self) -> float:
        """How many seconds ago it was, at the most."""
        return max(_elapsed() - self.elapsed, time.time() - self.wall)
