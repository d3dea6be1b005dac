"""Limits of a server's reply, in seconds and octets, for mail servers and HTTP APIs alike.

A Python socket's timeout is for the time between two reads. A server that writes an octet a second
would hold a connection, and with it the message, for hours; a server that writes without end would
fill the memory. And for most line readers a closed connection ends the line, so that half a reply
would pass for the reply. The system's resolver of names has no time limit at all.
"""

import io
import ipaddress
import socket
import threading
import time
from typing import Any

#: The longest reply, decoded: ten times the longest known reply, 300 push notifications' receipts.
LONGEST_REPLY = 1 << 20


#: Seconds to resolve a name where a connection has no time limit.
RESOLVE_SECONDS = 10.0
#: The resolver's errors for a name that does not exist, or has no address; others may pass.
NO_SUCH_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


def resolve(
    host: str, port: int, seconds: float, *, family: socket.AddressFamily = socket.AF_UNSPEC
) -> list[str]:
    """Return the IP addresses of a host, in the system's order, within a time.

    The system's resolver has no time limit of its own; a thread that is left behind ends when the
    resolver does.

    Args:
        host: The name, or an IP address.
        port: The port.
        seconds: The time limit.
        family: The kind of addresses; by default all kinds.

    Raises:
        TimeoutError: When there is no answer in time.
        OSError: When the name is not known.
    """
    if _is_address(host):
        return [host]
    found: list[str] = []
    errors: list[OSError | UnicodeError] = []

    def ask() -> None:
        try:
            for *_, place in socket.getaddrinfo(host, port, family, socket.SOCK_STREAM):
                if str(place[0]) not in found:
                    found.append(str(place[0]))
        except (OSError, UnicodeError) as error:  # UnicodeError: no host's name
            errors.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError("the name could not be resolved in time")
    if errors:
        raise errors[0] if isinstance(errors[0], OSError) else OSError(str(errors[0]))
    return found


def is_no_name(host: str, seconds: float) -> bool:
    """Tell whether the resolver says within a time that a host does not exist.

    A resolver that is silent or out of order says nothing of the host.

    Args:
        host: The name, or an IP address.
        seconds: The time limit.
    """
    try:
        resolve(host, 443, seconds)
    except OSError as error:
        return isinstance(error, socket.gaierror) and error.errno in NO_SUCH_NAME
    return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class ReplyTooLong(OSError):
    """A server's reply is longer than any sound reply."""

    def __init__(self) -> None:
        super().__init__(f"the reply has more than {LONGEST_REPLY} octets")


class ReplyCutOff(ConnectionError):
    """The connection has ended in the middle of a reply."""

    def __init__(self) -> None:
        super().__init__("the reply was cut off")


class Deadline:
    """The time limits of a reply, and of the conversation around the reply.

    Args:
        timeout: Seconds for a reply; ``None``: no limit.
    """

    def __init__(self, timeout: float | None) -> None:
        self.timeout = timeout
        self._conversation_ends_at: float | None = None
        self._reply_ends_at: float | None = None
        self._is_shortened = False

    def begin_conversation(self, times: float) -> None:
        """Limit a conversation to a multiple of a reply's time.

        Args:
            times: The multiple.
        """
        if self.timeout is not None:
            self._conversation_ends_at = time.monotonic() + times * self.timeout

    def begin_reply(self) -> None:
        """Give the next reply its whole time, from the first read on."""
        self._reply_ends_at = None

    def limit(self, connection: socket.socket) -> None:
        """Let a socket with the timeout of a whole reply wait only for the rest of the time.

        Args:
            connection: The socket.

        Raises:
            TimeoutError: When no time is left.
        """
        if self.timeout is None:
            return
        now = time.monotonic()
        is_first = self._reply_ends_at is None
        if self._reply_ends_at is None:
            self._reply_ends_at = now + self.timeout
        ends_at = self._reply_ends_at
        if self._conversation_ends_at is not None and self._conversation_ends_at < ends_at:
            ends_at = self._conversation_ends_at
        elif is_first:
            return  # Most replies come in one read; the socket's own timeout limits a read.
        if now >= ends_at:
            raise TimeoutError("timed out")
        connection.settimeout(ends_at - now)
        self._is_shortened = True

    def restore(self, connection: socket.socket | None) -> None:
        """Give a socket its own timeout back, for other uses: a handshake, say.

        Args:
            connection: The socket; ``None`` for a closed connection.
        """
        if self._is_shortened and connection is not None and connection.fileno() != -1:
            connection.settimeout(self.timeout)
        self._is_shortened = False


class LimitedReader(io.RawIOBase):
    """Reads a socket until the reply's time is over or its length is reached.

    Args:
        connection: The socket.
        deadline: The time limits.
        most: How many octets a reply may have.
        raw: Read in place of the socket, and closed at the end.
    """

    def __init__(
        self, connection: socket.socket, deadline: Deadline, most: int, raw: Any = None
    ) -> None:
        self._connection = connection
        self._deadline = deadline
        self._most = most
        self._raw = raw
        self._octets = 0

    def readable(self) -> bool:  # noqa: D102 # the base class's
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read the octets that have come.

        Args:
            buffer: Takes the octets.

        Returns:
            How many octets; ``None`` where none are ready.

        Raises:
            TimeoutError: When the time is over.
            ReplyTooLong: When the reply is too long.
        """
        if self._octets > self._most:
            raise ReplyTooLong
        self._deadline.limit(self._connection)
        if self._raw is None:
            read: int | None = self._connection.recv_into(buffer)
        else:
            read = self._raw.readinto(buffer)
        self._octets += read or 0
        return read

    def begin_reply(self) -> None:
        """Give the next reply its whole time and length."""
        self._octets = 0
        self._deadline.begin_reply()

    def close(self) -> None:  # noqa: D102 # the base class's
        if self._raw is not None:
            self._raw.close()
        super().close()


class WholeLines(io.BufferedReader):
    """Reads whole lines: a closed connection ends no line.

    Attributes:
        expects_more: Whether the connection must not end before the next line either.
    """

    def __init__(self, raw: LimitedReader) -> None:
        super().__init__(raw)
        self.expects_more = False

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return a line, at most ``size`` octets; nothing where the connection has ended.

        Args:
            size: The most octets; negative: no limit.

        Raises:
            ReplyCutOff: When the connection ends in the middle of a line.
        """
        line = super().readline(size)
        is_whole = line.endswith(b"\n") or len(line) == size
        if not is_whole and (line or self.expects_more):
            raise ReplyCutOff
        return line
