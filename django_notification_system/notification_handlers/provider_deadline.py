"""A time limit for each whole reply of a provider's API, and what it says where there is none.

``requests`` measures the time between two reads. A server or a proxy that writes a byte a second
would hold a connection, and with it the message, for hours.
"""

import http.client
import io
import socket
import ssl
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import connection, connectionpool
from urllib3.exceptions import NewConnectionError


class DeadlineAdapter(HTTPAdapter):
    """Takes the ``timeout`` of a request as that of its whole reply, headers and body.

    A reply that is not whole by then ends the request as one that does not come does.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: D102 # the base class's
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: D102 # the base class's
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # whose connections are of a kind of their own
            manager.pool_classes_by_scheme = POOLS
        return manager


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        # Nothing has been read so far.
        self.fp: Any = io.BufferedReader(_Reply(self.fp.detach(), sock))


# Their names are those of what they stand for: people read them in responses.


class HTTPConnection(connection.HTTPConnection):
    """A connection whose replies have a time limit."""

    response_class = _Response


class HTTPSConnection(connection.HTTPSConnection):
    """The same with TLS."""

    response_class = _Response

    def connect(self) -> None:
        """Connect.

        Raises:
            NewConnectionError: Also where the other side is silent or goes away before there is
                TLS. Otherwise it would look as if that had come after the request.
        """
        try:
            super().connect()
        except (TimeoutError, ConnectionError, ssl.SSLEOFError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise NewConnectionError(self, f"Failed to set TLS up: {said}") from error


class HTTPConnectionPool(connectionpool.HTTPConnectionPool):
    """Connections whose replies have a time limit."""

    ConnectionCls = HTTPConnection


class HTTPSConnectionPool(connectionpool.HTTPSConnectionPool):
    """The same with TLS."""

    ConnectionCls = HTTPSConnection


POOLS = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}


class _Reply(io.RawIOBase):
    """What a socket brings, until the time of its timeout is over."""

    def __init__(self, raw: Any, sock: socket.socket) -> None:
        self._raw = raw  # keeps the socket open where the connection is closed before it is read
        self._socket = sock
        timeout = sock.gettimeout()
        self._ends_at = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._ends_at is not None:
            remaining = self._ends_at - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("timed out")
            self._socket.settimeout(remaining)
        read: int | None = self._raw.readinto(buffer)
        return read

    def close(self) -> None:
        self._raw.close()
        super().close()
