"""Waiting until there may be something to deliver, or until told to stop."""

import os
import select
import time
from typing import Any

from django.db import connections

#: What the trigger of migration 0006 notifies, on PostgreSQL.
CHANNEL = "notification_system"


class Wakeup:
    """Sleeps, and wakes early when it is told to stop or PostgreSQL tells of a due insert.

    Args:
        using: The alias of the database that holds the notifications.
    """

    def __init__(self, using: str) -> None:
        self._using = using
        self._listening_on: Any = None
        # A signal handler writes into the pipe; select() then returns, whatever it waits for.
        self._reader, writer = os.pipe()
        os.set_blocking(writer, False)
        #: None once it is closed: its number may then be that of another file.
        self._writer: int | None = writer

    def close(self) -> None:
        """Close the pipe."""
        writer, self._writer = self._writer, None
        if writer is not None:
            os.close(writer)
            os.close(self._reader)

    def wake(self) -> None:
        """End the present sleep, or the next. Safe in a signal handler, and after the end."""
        if self._writer is None:
            return
        try:
            os.write(self._writer, b".")
        except BlockingIOError:
            return  # it is full, and so will wake

    def listen(self) -> None:
        """Ask PostgreSQL to tell of due inserts from now on; elsewhere do nothing.

        Call it before looking for what is due, so that nothing falls between the two.
        """
        connection = connections[self._using]
        if connection.vendor != "postgresql":
            return
        connection.ensure_connection()
        if self._listening_on is connection.connection:
            return
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        self._listening_on = connection.connection

    @property
    def misses_inserts(self) -> bool:
        """Whether PostgreSQL's word would not come: the connection was made anew since."""
        connection = connections[self._using]
        return connection.vendor == "postgresql" and (
            self._listening_on is None or self._listening_on is not connection.connection
        )

    def has_arrived(self) -> bool:
        """Tell whether PostgreSQL has told of a due insert since the last time."""
        return self._listening_on is not None and self._take_notifications(self._listening_on)

    def sleep(self, seconds: float) -> None:
        """Sleep for so many seconds at the most."""
        end = time.monotonic() + seconds
        listening_on = self._listening_on
        if listening_on is not None and self._take_notifications(listening_on):
            return  # one arrived together with the answer to a query
        sources = [self._reader] if listening_on is None else [self._reader, listening_on.fileno()]
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select(sources, [], [], left)
            if self._reader in ready:
                os.read(self._reader, 4096)
                return
            if ready and self._take_notifications(listening_on):
                return

    def _take_notifications(self, connection: Any) -> bool:
        """Tell whether the server sent any, or has gone; then the next query finds out."""
        try:
            if hasattr(connection, "poll"):  # psycopg 2
                connection.poll()
                arrived = bool(connection.notifies)
                connection.notifies.clear()
                return arrived
            return any(True for _ in connection.notifies(timeout=0))
        except Exception:
            self._listening_on = None
            connections[self._using].close()
            return True
