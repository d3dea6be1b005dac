"""Wait until a notification may be due, or until told to stop."""

import os
import select
import time
from typing import Any

from django.db import connections

#: The channel of the trigger in migration 0006, on PostgreSQL.
CHANNEL = "notification_system"


class Wakeup:
    """Sleeps, and wakes early on ``wake()``, or when PostgreSQL announces a due insert.

    Args:
        using: The alias of the database that holds the notifications.
    """

    def __init__(self, using: str) -> None:
        self._using = using
        self._listening_on: Any = None
        # A signal handler writes into the pipe, and wakes select() from any wait.
        self._reader, writer = os.pipe()
        os.set_blocking(writer, False)
        #: None once closed: the number may then belong to another file.
        self._writer: int | None = writer

    def close(self) -> None:
        """Close the pipe."""
        writer, self._writer = self._writer, None
        if writer is not None:
            os.close(writer)
            os.close(self._reader)

    def wake(self) -> None:
        """End the present sleep, or the next. Safe in a signal handler, and after ``close()``."""
        if self._writer is None:
            return
        try:
            os.write(self._writer, b".")
        except BlockingIOError:
            return  # a full pipe wakes, too

    def listen(self) -> None:
        """Have PostgreSQL announce due inserts from now on; elsewhere do nothing.

        Call ``listen()`` before looking for due rows, so that no insert falls between the two.
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
        """Whether announcements would not come: the connection is not the one of ``listen()``."""
        connection = connections[self._using]
        return connection.vendor == "postgresql" and (
            self._listening_on is None or self._listening_on is not connection.connection
        )

    def has_arrived(self) -> bool:
        """Return whether PostgreSQL has announced a due insert since the last call."""
        return self._listening_on is not None and self._take_notifications(self._listening_on)

    def sleep(self, seconds: float) -> None:
        """Sleep, unless woken earlier.

        Args:
            seconds: How long, at the most.
        """
        end = time.monotonic() + seconds
        listening_on = self._listening_on
        if listening_on is not None and self._take_notifications(listening_on):
            return  # an announcement came together with the answer to a query
        sources = [self._reader] if listening_on is None else [self._reader, listening_on.fileno()]
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select(sources, [], [], left)
            if self._reader in ready:
                os.read(self._reader, 4096)
                return
            if ready and self._take_notifications(listening_on):
                return

    def _take_notifications(self, connection: Any) -> bool:
        """Return True for an announcement, or for a lost connection: the next query finds out."""
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
