"""Rows between the run's inbox and the handler."""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from queue import Empty, SimpleQueue

from django.utils import timezone

from .instant import Instant
from .messages import BatchRow, Fed, Slice

#: Rows that have waited in a lane for more seconds are checked again before they are sent.
RECHECK_AFTER_SECONDS = 1.0


class Intake:
    """Takes rows from the run as the handler needs them; for the lane's thread.

    Args:
        inbox: The run puts slices here.
        ask: Posts the lane's wish for rows to the run.

    Attributes:
        rows: Rows not yet taken by the handler.
        is_over: Whether the run has said that no more rows will come.
    """

    def __init__(self, inbox: "SimpleQueue[Fed]", ask: Callable[[], None]) -> None:
        self.rows: deque[BatchRow] = deque()
        self.is_over = False
        self._inbox = inbox
        self._post_ask = ask
        self._has_asked = False
        self._checked_at = Instant.now()
        #: From the inbox, while the lane waited for a recheck.
        self._put_by: deque[Fed] = deque()

    def ask(self) -> None:
        """Ask the run for rows, unless already asked."""
        if not self._has_asked:
            self._has_asked = True
            self._post_ask()

    def wait(self) -> Fed:
        """Ask for rows, wait for the run's word, and return the word."""
        self.ask()
        fed = self._put_by.popleft() if self._put_by else self._inbox.get()
        self._has_asked = False
        if fed is None:
            self.is_over = True
        elif isinstance(fed, Slice):
            self._take(fed)
        return fed

    def wait_for_recheck(self, goes_on: Callable[[], bool]) -> bool:
        """Wait for the rows that the run still wants sent; return whether any came.

        Args:
            goes_on: Returns whether the lane goes on.
        """
        while goes_on():
            fed = self._inbox.get()
            if isinstance(fed, Slice) and fed.is_recheck:
                self._take(fed)
                break
            self._put_by.append(fed)
        return bool(self.rows)

    def clear(self) -> list[BatchRow]:
        """Return the rows, and keep none."""
        rows = list(self.rows)
        self.rows.clear()
        return rows

    def drain(self) -> list[BatchRow]:
        """Return all rows, the inbox's included; then begin anew."""
        rows = self.clear()
        self.is_over = False
        while True:
            try:
                fed = self._put_by.popleft() if self._put_by else self._inbox.get_nowait()
            except Empty:
                return rows
            self._has_asked = False
            if isinstance(fed, Slice):
                rows += fed.rows

    def take_back(self, rows: Iterable[BatchRow]) -> None:
        """Put rows back from the handler, before all others, in their order.

        Args:
            rows: The rows.
        """
        self.rows.extendleft(reversed(list(rows)))

    @property
    def is_doubtful(self) -> bool:
        """Whether the next row may have changed since the database was asked about the row."""
        _, notification = self.rows[0]
        age = self._checked_at.age
        if age > RECHECK_AFTER_SECONDS:
            return True
        now = timezone.now()
        checked_at = now - timedelta(seconds=age)
        return notification.has_expired(now) and not notification.has_expired(checked_at)

    def _take(self, fed: Slice) -> None:
        self.rows.extend(fed.rows)
        self._checked_at = fed.checked_at
