"""A limit of time and length for every reply of a provider's API."""

import http.client
import socket
import ssl
import zlib
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import connection, connectionpool
from urllib3.exceptions import NewConnectionError, ProtocolError, ReadTimeoutError

from ..deadlines import (
    LONGEST_REPLY,
    Deadline,
    LimitedReader,
    ReplyCutOff,
    ReplyTooLong,
    WholeLines,
)

#: Decoded here: urllib3 before 2.6 decodes without a limit on the decoded size.
ENCODINGS = "gzip"
GZIP = frozenset({"gzip", "x-gzip"})
CHUNK = 1 << 14
#: The longest reply on the wire: with headers, and in chunks.
LONGEST_ON_THE_WIRE = 2 * LONGEST_REPLY


class DeadlineAdapter(HTTPAdapter):
    """Makes a request's ``timeout`` the limit of the whole reply, headers and body.

    A reply that is late, cut off or longer than 1 MiB ends the request like a missing reply. So a
    response always has its whole body.
    """

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Send a request, and read the reply.

        Raises:
            RequestException: Where no whole reply comes.
        """
        response = super().send(request, *args, **kwargs)
        try:
            # Where requests itself keeps a body.
            response._content = b"".join(_content(response))
        except BaseException:
            response.close()
            raise
        response._content_consumed = True  # type: ignore[attr-defined]
        return response

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: D102 # the base class's
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: D102 # the base class's
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # SOCKS connections have classes of their own
            manager.pool_classes_by_scheme = POOLS
        return manager


def _content(response: requests.Response) -> Iterator[bytes]:
    """Yield a reply's body, decoded."""
    parts = _parts(response)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in GZIP:
        parts = _unzipped(parts)
    elif encoding not in {"", "identity"}:
        raise requests.exceptions.ContentDecodingError("an encoding that was not asked for")
    octets = 0
    for part in parts:
        octets += len(part)
        if octets > LONGEST_REPLY:
            raise requests.ConnectionError(ReplyTooLong())
        yield part


def _parts(response: requests.Response) -> Iterator[bytes]:
    try:
        yield from response.raw.stream(CHUNK, decode_content=False)
    except ProtocolError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
    except ReadTimeoutError as error:
        raise requests.ConnectionError(error) from error


def _unzipped(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Decode gzip (RFC 1952), never more than a chunk at once."""
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        for part in parts:
            rest = part
            while rest and not decoder.eof:
                yield decoder.decompress(rest, CHUNK)
                rest = decoder.unconsumed_tail
        yield decoder.flush()
    except zlib.error as error:
        raise requests.exceptions.ContentDecodingError(error) from error
    if not decoder.eof:
        raise requests.exceptions.ChunkedEncodingError(ReplyCutOff())


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        deadline = Deadline(sock.gettimeout())
        # Nothing has been read so far. http.client's own reader is kept: it holds the socket open
        # where the connection is closed first.
        raw = LimitedReader(sock, deadline, LONGEST_ON_THE_WIRE, self.fp.detach())
        self.fp: Any = WholeLines(raw)

    def _read_status(self) -> tuple[str, int, str]:
        """Read the first line; the connection must not end before the headers do."""
        status: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
        if self.fp is not None:
            self.fp.expects_more = True
        return status

    def begin(self) -> None:
        """Read the headers."""
        super().begin()
        if self.fp is not None:
            self.fp.expects_more = False


# The classes below have the names of the classes they replace: people read those in responses.


class HTTPConnection(connection.HTTPConnection):
    """A connection with a time limit for replies."""

    response_class = _Response


class HTTPSConnection(connection.HTTPSConnection):
    """The same with TLS."""

    response_class = _Response

    def connect(self) -> None:
        """Connect.

        Raises:
            NewConnectionError: Also where the other side is silent or goes away before TLS is up.
                Otherwise the error would look like one after the request.
        """
        try:
            super().connect()
        except (TimeoutError, ConnectionError, ssl.SSLEOFError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise NewConnectionError(self, f"Failed to set TLS up: {said}") from error


class HTTPConnectionPool(connectionpool.HTTPConnectionPool):
    """Connections with a time limit for replies."""

    ConnectionCls = HTTPConnection


class HTTPSConnectionPool(connectionpool.HTTPSConnectionPool):
    """The same with TLS."""

    ConnectionCls = HTTPSConnection


POOLS = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}
