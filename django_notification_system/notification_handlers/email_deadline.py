"""A time limit for each whole reply of a mail server.

Python's sockets measure the time between two reads. A server that writes a byte a second would hold
a connection, and with it the message, for hours: neither that nor lines without end are an error
to smtplib.
"""

import io
import smtplib
import socket
import time
from functools import cache
from typing import Any


def limit_replies(backend: Any) -> None:
    """Let a backend of Django's, which has no connection yet, wait for no reply longer than this.

    A reply that is not whole after the backend's ``timeout``, in seconds, ends the connection as
    one that does not come does: smtplib raises ``SMTPServerDisconnected``.

    Args:
        backend: Django's SMTP backend, or one that builds on it. What connects for it is the only
            thing that changes.
    """
    if not getattr(backend, "limits_replies", False):
        backend_class: Any = type(backend)
        backend.__class__ = _limiting_backend(backend_class)


@cache
def _limiting_backend(backend_class: Any) -> Any:
    def connection_class(self: Any) -> Any:
        return _limiting_client(super(limiting, self).connection_class)

    # The name and the rest stay those of the class that the project has named.
    limiting: Any = type(
        backend_class.__name__,
        (backend_class,),
        {
            "__module__": backend_class.__module__,
            "__qualname__": backend_class.__qualname__,
            "connection_class": property(connection_class),
            "limits_replies": True,
        },
    )
    return limiting


@cache
def _limiting_client(client_class: Any) -> Any:
    if not (isinstance(client_class, type) and issubclass(client_class, smtplib.SMTP)):
        return client_class
    return type(client_class.__name__, (_LimitingClient, client_class), {})


class _LimitingClient(smtplib.SMTP):
    _replies: "_Replies"

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply, for no longer than a socket may be silent."""
        if self.sock is None:
            return super().getreply()
        if self.file is None:  # of a new connection, or one that is encrypted from now on
            self._replies = _Replies(self.sock)
            self.file = io.BufferedReader(self._replies)
        try:
            return super().getreply()
        finally:
            self._replies.end()


class _Replies(io.RawIOBase):
    """What a socket brings, a reply after the other, each until its time is over."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._timeout = connection.gettimeout()
        self._ends_at: float | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._timeout is not None:
            self._limit(self._timeout)
        return self._connection.recv_into(buffer)

    def end(self) -> None:
        """Give the next reply its whole time."""
        if self._ends_at is not None:
            self._ends_at = None
            if self._connection.fileno() != -1:
                self._connection.settimeout(self._timeout)

    def _limit(self, timeout: float) -> None:
        now = time.monotonic()
        if self._ends_at is None:
            # Most replies come in one read, which the socket's own time limits.
            self._ends_at = now + timeout
            return
        if now >= self._ends_at:
            raise TimeoutError("timed out")
        self._connection.settimeout(self._ends_at - now)
