"""The connections to the project's mail server, by Django's settings: one for a thread."""

import contextlib
import threading
import time
from collections.abc import Iterator
from inspect import getattr_static
from types import TracebackType
from typing import Any, Self

from django.core.mail.backends import smtp

from ...delivery.handlers.concurrency import Concurrency
from .connection import MailConnection
from .delivering_backend import delivering_backend

#: How many seconds may pass between two looks at connections that are being opened.
OPENING_RECHECK_SECONDS = 0.02


class ConnectionPool:
    """The connections of one call of the handler: a thread has a connection alone; all are closed.

    Args:
        timeout: Seconds to wait for an SMTP server, where Django's mail settings name no time.
        concurrency: How many connections the server takes, as far as is known.
        pipelining: Whether Django's own SMTP backend uses the server's PIPELINING.

    Raises:
        TargetUnavailable: When Django's mail settings make no connection.
    """

    def __init__(
        self, timeout: float, concurrency: Concurrency, *, pipelining: bool = True
    ) -> None:
        self._timeout = timeout
        self._concurrency = concurrency
        self._pipelining = pipelining
        self._changed = threading.Condition()
        first = self._new()
        self._idle = [first]
        self._connections = [first]
        #: Whether the server has refused one of several connections.
        self._was_refused = False
        self._was_tried_alone = False
        #: Whether the only backend is one of Django's for development.
        self.is_local = first.is_local

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Side by side: a server far away takes its time to answer each QUIT.
        closing = [threading.Thread(target=each.close, daemon=True) for each in self._idle[1:]]
        for thread in closing:
            thread.start()
        for connection in self._idle[:1]:
            connection.close()
        for thread in closing:
            thread.join()

    @contextlib.contextmanager
    def borrow(self) -> Iterator[MailConnection]:
        """Lend a connection, an open one if possible; wait while all are in use."""
        with self._changed:
            self._changed.wait_for(lambda: self._idle or not self._is_full)
            if self._idle:
                connection = self._idle.pop()
            else:
                connection = self._new()
                self._connections.append(connection)
        try:
            yield connection
        finally:
            if not self._give_back(connection):
                connection.close()

    def can_do_without(self, connection: MailConnection, *, has_answered: bool) -> bool:
        """Drop a refused connection, if the pool can go on without the connection.

        From then on the pool makes no more connections than are left: servers limit the number of a
        client's connections. A server that refuses all simultaneous connections, and says so, may
        take a single connection; so the last connection is tried once more.

        Args:
            connection: A lent connection that the server has just refused.
            has_answered: Whether the server itself said so.

        Returns:
            Whether the message shall go over another connection, or this connection once more.
        """
        with self._changed:
            self._changed.notify_all()
            while not any(each.is_open for each in self._others(connection)):
                # Connections being opened may be taken or refused, too.
                if any(each.is_opening for each in self._others(connection)):
                    self._changed.wait(OPENING_RECHECK_SECONDS)
                elif not has_answered:
                    return False
                elif self._others(connection):
                    break
                else:
                    is_first_time, self._was_tried_alone = not self._was_tried_alone, True
                    return self._was_refused and is_first_time
            self._was_refused = True
            self._drop(connection)
            self._concurrency.refuse_connection(len(self._connections), time.monotonic())
            return True

    def shrinks(self, connection: MailConnection, *, began_at: float) -> bool:
        """Drop a connection over which the server took no message, if others are open.

        Args:
            connection: A lent connection, closed since.
            began_at: When the message was begun, by the monotonic clock.

        Returns:
            Whether the message shall go over another connection.
        """
        with self._changed:
            others = self._others(connection)
            if not any(each.is_open for each in others):
                return False
            # Where the server refuses several messages at once, a single connection is dropped.
            if self._concurrency.refuse_connection(
                len(others), time.monotonic(), began_at=began_at
            ):
                self._was_refused = True
                self._drop(connection)
            return True

    def _drop(self, connection: MailConnection) -> None:
        self._connections.remove(connection)
        self._changed.notify_all()

    def _give_back(self, connection: MailConnection) -> bool:
        """Take a lent connection back; return ``False`` where the connection is one too many."""
        with self._changed:
            is_kept = connection in self._connections
            if is_kept and len(self._connections) > self._concurrency.at_once:
                self._connections.remove(connection)
                is_kept = False
            if is_kept:
                self._idle.append(connection)
            self._changed.notify_all()
            return is_kept

    def _others(self, connection: MailConnection) -> list[MailConnection]:
        return [each for each in self._connections if each is not connection]

    @property
    def _is_full(self) -> bool:
        return len(self._connections) >= self._concurrency.ceiling(time.monotonic())

    def _new(self) -> MailConnection:
        backend = delivering_backend()
        if isinstance(backend, smtp.EmailBackend) and backend.timeout is None:
            backend.timeout = self._timeout
        _make_errors_heard(backend)
        return MailConnection(backend, pipelining=self._pipelining)


def _make_errors_heard(backend: Any) -> None:
    """Have a backend raise its errors: an error becomes the message's outcome, and goes no further.

    A backend that fails silently returns 0, and so does a backend that queues messages.
    """
    # Not getattr(): Django 6.1 warns where a backend without the attribute is asked for it.
    if getattr_static(backend, "fail_silently", False):
        with contextlib.suppress(AttributeError):  # a read-only property in another package's class
            backend.fail_silently = False
