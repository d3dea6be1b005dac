"""Keep to a target's rate, together with all runs and hosts on the same database."""

import time
from datetime import datetime, timedelta

from ...database import patiently
from ...models import NotificationTarget
from ...models.expressions import DatabaseNow

#: How much of the time to come a run reserves at once, in seconds.
WINDOW_SECONDS = 5
#: A run that would have to wait for longer leaves the rest to a later run.
LONGEST_RATE_WAIT_SECONDS = 30


def reservable(seconds_each: float, most: int) -> int:
    """Return for how many notifications a run reserves time at once.

    Args:
        seconds_each: The seconds for one notification.
        most: How many, at the most.
    """
    return max(1, min(most, int(WINDOW_SECONDS / seconds_each)))


class Rate:
    """The time that a run reserves of a target's rate.

    The target's row says until when the target's time is reserved. A run reserves the next few
    seconds by moving that moment on, waits for their beginning, and only then claims as many rows
    as fit: so no lease runs out during the wait.

    Args:
        target: The target.
        seconds_each: The seconds for one notification.
        using: The database's alias.

    Attributes:
        reserved: For how many notifications the run has reserved time.
    """

    def __init__(self, target: NotificationTarget, seconds_each: float, using: str) -> None:
        self.reserved = 0
        self._rows = NotificationTarget.objects.using(using).filter(pk=target.pk)
        self._seconds_each = seconds_each
        self._using = using
        self._begins_at = 0.0
        self._ends_at: datetime | None = None

    @property
    def seconds_to_wait(self) -> float:
        """The seconds until the reserved time begins."""
        return max(0.0, self._begins_at - time.monotonic())

    def reserve(self, most: int) -> bool:
        """Reserve time for some notifications; return ``False`` where the wait is too long.

        Args:
            most: For how many notifications, at the most.
        """
        number = reservable(self._seconds_each, most)
        length = timedelta(seconds=number * self._seconds_each)

        def move_on() -> bool:
            # By the database's clock, shared by all hosts.
            taken, now = self._rows.values_list("rate_reserved_until", DatabaseNow()).get()
            begins = now if taken is None else max(taken, now)
            wait = (begins - now).total_seconds()
            if wait > LONGEST_RATE_WAIT_SECONDS:
                return True
            # Only if nobody else was faster.
            if not self._rows.filter(rate_reserved_until=taken).update(
                rate_reserved_until=begins + length
            ):
                return False
            self._begins_at = time.monotonic() + wait
            self._ends_at = begins + length
            self.reserved = number
            return True

        while not patiently(move_on, using=self._using):
            pass
        return self.reserved > 0

    def use(self, number: int) -> None:
        """Use the reserved time, and return the rest to the target.

        Args:
            number: For how many notifications the time was used.
        """
        unused, self.reserved = self.reserved - number, 0
        if unused <= 0 or self._ends_at is None:
            return
        back = timedelta(seconds=unused * self._seconds_each)
        mine = self._rows.filter(rate_reserved_until=self._ends_at)
        ends_at = self._ends_at - back
        patiently(lambda: mine.update(rate_reserved_until=ends_at), using=self._using)
