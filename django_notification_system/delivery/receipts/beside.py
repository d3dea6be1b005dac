"""Ask for receipts now and then, in a thread beside the run: no message waits for the answers."""

import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connections

from ...stop_moment import WIND_UP_SECONDS, stop_moment
from .fetch import Fetched

logger = logging.getLogger("django_notification_system")

#: Seconds from the end of one fetch to the next; doubled after each problem, up to the second.
SECONDS_BETWEEN = 60.0
MOST_SECONDS_BETWEEN = 960.0


class ReceiptsBeside:
    """Fetches receipts at intervals; call ``tick()`` often, and ``close()`` at the end.

    Args:
        fetch: Fetches the due receipts; the argument tells whether to end early.
        on_fetched: Called with the result, in the thread that calls ``tick()``.
    """

    def __init__(
        self,
        fetch: Callable[[Callable[[], bool]], Fetched],
        on_fetched: Callable[[Fetched], None],
    ) -> None:
        self._fetch = fetch
        self._on_fetched = on_fetched
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._fetched: Fetched | None = None
        self._seconds = SECONDS_BETWEEN
        self._next_at = time.monotonic()

    def tick(self) -> None:
        """Pass on a finished fetch's result, and start the next fetch when the interval is over."""
        if self._thread is not None:
            if self._thread.is_alive():
                return
            self._take()
        if time.monotonic() >= self._next_at:
            # A daemon: a handler that hangs for ever must not keep the process from ending.
            self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop fetching, and pass on the last result.

        A fetch under way is waited for until the process has had its time to stop.
        """
        self._stopping.set()
        if self._thread is not None:
            began = stop_moment() or time.monotonic()
            self._thread.join(max(began + WIND_UP_SECONDS - time.monotonic(), 0))
            self._take()

    def _take(self) -> None:
        self._thread = None
        fetched, self._fetched = self._fetched, None
        has_problem = fetched is None or bool(fetched.problems)
        longer = min(self._seconds * 2, MOST_SECONDS_BETWEEN)
        self._seconds = longer if has_problem else SECONDS_BETWEEN
        self._next_at = time.monotonic() + self._seconds
        if fetched is not None:
            self._on_fetched(fetched)

    def _run(self) -> None:
        try:
            self._fetched = self._fetch(self._stopping.is_set)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Receipts are fetched later: the database refuses. (%s)", error)
        except Exception:
            logger.exception("Receipts could not be fetched.")
        finally:
            connections.close_all()
