"""The time passed, even while the process was stopped or the machine asleep."""

import time
from dataclasses import dataclass
from typing import Self

#: A clock that nobody sets. On Linux CLOCK_BOOTTIME goes on while the machine is suspended; the
#: clock of ``time.monotonic()`` stands still. Source: clock_gettime(2).
CLOCK: int = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", -1))


def _elapsed() -> float:
    return time.clock_gettime(CLOCK) if CLOCK >= 0 else time.monotonic()


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, by two clocks: a gap unnoticed by one clock is noticed by the other.

    Attributes:
        elapsed: By a clock that nobody sets.
        wall: By the time of day: corrected after a virtual machine was paused.
    """

    elapsed: float
    wall: float

    @classmethod
    def now(cls) -> Self:
        """Return the present moment."""
        return cls(_elapsed(), time.time())

    @property
    def age(self) -> float:
        """How many seconds ago the moment was, at the most."""
        return max(_elapsed() - self.elapsed, time.time() - self.wall)
