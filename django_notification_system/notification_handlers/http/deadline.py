"""A limit of time and length for every reply of a provider's API."""

import http.client
import socket
import ssl
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import requests
import urllib3.util.connection
from requests.adapters import HTTPAdapter
from urllib3 import connection, connectionpool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
)
from urllib3.util.timeout import Timeout

from ..deadlines import (
    LONGEST_REPLY,
    RESOLVE_SECONDS,
    Deadline,
    LimitedReader,
    ReplyCutOff,
    ReplyTooLong,
    WholeLines,
    resolve,
)
from .quiet_log import addresses_hidden

#: Decoded here: urllib3 before 2.6 decodes without a limit on the decoded size.
ENCODINGS = "gzip"
GZIP = frozenset({"gzip", "x-gzip"})
CHUNK = 1 << 14
#: The longest reply on the wire: with headers, and in chunks.
LONGEST_ON_THE_WIRE = 2 * LONGEST_REPLY


#: The statuses of answers before the answer: RFC 9110, section 15.2.
INTERIM = range(102, 200)

#: The attribute of an error that tells whether its request was written.
WRITTEN = "request_was_written"


#: The attribute of an error that has the status of a reply without its whole body.
STATUS = "reply_status"


class _Request(threading.local):
    """The calling thread's request.

    Attributes:
        is_written: Whether the request was written, wholly or in part.
    """

    is_written = False


_request = _Request()


def was_written(error: BaseException) -> bool:
    """Tell whether a request was written, wholly or in part, before it failed with an error.

    Args:
        error: The error of a request through ``DeadlineAdapter``; another error tells nothing.
    """
    return error.__dict__.get(WRITTEN) is True


def status_before(error: BaseException) -> int:
    """Return the status of the reply whose body ended in an error; 0 where no headers came.

    For receivers whose answers have no body that matters; for others half a reply says nothing.

    Args:
        error: The error of a request through ``DeadlineAdapter``.
    """
    status: int = error.__dict__.get(STATUS, 0)
    return status


class DeadlineAdapter(HTTPAdapter):
    """Makes a request's ``timeout`` the limit of the whole reply, headers and body.

    A reply that is late, cut off or longer than 1 MiB ends the request like a missing reply. So a
    response always has its whole body.

    Args:
        arguments: As for the base class.
        hides_addresses: Whether the log is to have no paths of requests.
        options: As for the base class.
    """

    def __init__(self, *arguments: Any, hides_addresses: bool = False, **options: Any) -> None:
        self._hidden = addresses_hidden if hides_addresses else nullcontext
        super().__init__(*arguments, **options)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Send a request, and read the reply.

        Raises:
            RequestException: Where no whole reply comes.
        """
        _request.is_written = False
        try:
            with self._hidden():
                response = super().send(request, *args, **kwargs)
        except Exception as error:
            error.__dict__[WRITTEN] = _request.is_written
            raise
        try:
            # Where requests itself keeps a body.
            response._content = b"".join(_content(response))
        except BaseException as error:
            response.close()
            error.__dict__ |= {WRITTEN: True, STATUS: response.status_code}
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
    except (ProtocolError, ValueError) as error:  # ValueError: a chunk of a negative length
        raise requests.exceptions.ChunkedEncodingError(error) from error
    except HTTPError as error:  # the time is over, or TLS is broken
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
        """Read the first line; the connection must not end before the headers do.

        Answers before the answer are passed over. The base class knows 100 alone, and 101 is none.
        """
        status: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
        if self.fp is not None:
            self.fp.expects_more = True
        while status[1] in INTERIM:
            http.client.parse_headers(self.fp)
            status = super()._read_status()  # type: ignore[misc]
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

    def _new_conn(self) -> socket.socket:
        """Connect a socket; as in the base class, and the name is resolved within the time.

        Raises:
            NewConnectionError: When no connection comes about.
            ConnectTimeoutError: When none comes about in time.
            LocationParseError: When the host is no name.
        """
        try:
            self._dns_host.encode("idna")
        except UnicodeError:
            raise LocationParseError(f"'{self._dns_host}', label empty or too long") from None
        seconds = Timeout.resolve_default_timeout(self.timeout) or RESOLVE_SECONDS
        family = urllib3.util.connection.allowed_gai_family()
        try:
            addresses = resolve(self._dns_host.strip("[]"), self.port, seconds, family=family)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"{self.host}: {error}") from error
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to resolve {self.host}: {error}") from error
        failure: OSError | None = None
        for address in addresses:
            try:
                connected = urllib3.util.connection.create_connection(
                    (address, self.port),
                    self.timeout,
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except OSError as error:
                failure = error
            else:
                sys.audit("http.client.connect", self, self.host, self.port)
                return connected
        if isinstance(failure, TimeoutError):
            said = f"Connection to {self.host} timed out. (connect timeout={self.timeout})"
            raise ConnectTimeoutError(self, said) from failure
        said = f"Failed to establish a new connection: {failure or 'the name has no address'}"
        raise NewConnectionError(self, said) from failure

    def connect(self) -> None:
        """Connect; a proxy's CONNECT is no request."""
        try:
            super().connect()
        finally:
            _request.is_written = False

    def send(self, data: Any) -> None:
        """Write a part of a request."""
        if self.sock is None and self.auto_open:
            self.connect()
        _request.is_written = True
        super().send(data)


class HTTPSConnection(HTTPConnection, connection.HTTPSConnection):
    """The same with TLS."""

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
