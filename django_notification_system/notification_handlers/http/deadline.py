"""A limit of time and length for each reply of a provider's API, and what is said without one."""

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

#: What requests asks for by default is decoded by urllib3, which before 2.6 decodes without bound.
ENCODINGS = "gzip"
GZIP = frozenset({"gzip", "x-gzip"})
CHUNK = 1 << 14
#: The longest reply as it comes: with its headers, and in chunks.
LONGEST_ON_THE_WIRE = 2 * LONGEST_REPLY


class DeadlineAdapter(HTTPAdapter):
    """Takes the ``timeout`` of a request as that of its whole reply, headers and body.

    A reply that is not whole by then ends the request as one that does not come does, and so does
    one that is cut off, or has more than 1 MiB. So whoever has a response has all of it.
    """

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Send a request, and read its reply.

        Raises:
            RequestException: Where there is no whole reply.
        """
        response = super().send(request, *args, **kwargs)
        try:
            # As requests keeps what it has read by itself.
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
        if not proxy.lower().startswith("socks"):  # whose connections are of a kind of their own
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
        # Nothing has been read so far. What was made for reading keeps the socket open where the
        # connection is closed before.
        raw = LimitedReader(sock, deadline, LONGEST_ON_THE_WIRE, self.fp.detach())
        self.fp: Any = WholeLines(raw)

    def _read_status(self) -> tuple[str, int, str]:
        """Read the first line; the headers that follow are to come to their end, too."""
        status: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
        if self.fp is not None:
            self.fp.expects_more = True
        return status

    def begin(self) -> None:
        """Read the headers."""
        super().begin()
        if self.fp is not None:
            self.fp.expects_more = False


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
