"""Bounds of what a server says, in time and in octets, for mail servers and HTTP APIs alike.

Python's sockets measure the time between two reads. A server that writes an octet a second would
hold a connection, and with it the message, for hours; one that writes without end would fill the
memory. And to most readers of lines the end of the connection ends a line, so that half an answer
would be taken for the answer.
"""

import io
import socket
import time
from typing import Any

#: The longest reply, decoded: the longest that is known, a receipt for each of 300 push
#: notifications, has a tenth of that.
LONGEST_REPLY = 1 << 20


class ReplyTooLong(OSError):
    """A server says more than any answer has."""

    def __init__(self) -> None:
        super().__init__(f"the reply has more than {LONGEST_REPLY} octets")


class ReplyCutOff(ConnectionError):
    """The connection has ended in the middle of a reply."""

    def __init__(self) -> None:
        super().__init__("the reply was cut off")


class Deadline:
    """The end of a reply's time, and of the time of the conversation that the reply belongs to.

    Args:
        timeout: Seconds that a reply may take; ``None``: there is no limit.
    """

    def __init__(self, timeout: float | None) -> None:
        self.timeout = timeout
        self._conversation_ends_at: float | None = None
        self._reply_ends_at: float | None = None
        self._is_shortened = False

    def begin_conversation(self, times: float) -> None:
        """Allow a conversation so many times as long as a reply."""
        if self.timeout is not None:
            self._conversation_ends_at = time.monotonic() + times * self.timeout

    def begin_reply(self) -> None:
        """Give the next reply its whole time, from its first read on."""
        self._reply_ends_at = None

    def limit(self, connection: socket.socket) -> None:
        """Let a socket, whose own timeout is a reply's, wait for no longer than is left.

        Raises:
            TimeoutError: When nothing is left.
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
            return  # Most replies come in one read, which the socket's own timeout limits.
        if now >= ends_at:
            raise TimeoutError("timed out")
        connection.settimeout(ends_at - now)
        self._is_shortened = True

    def restore(self, connection: socket.socket | None) -> None:
        """Give a socket its own timeout back, for what else uses it: a handshake, say."""
        if self._is_shortened and connection is not None and connection.fileno() != -1:
            connection.settimeout(self.timeout)
        self._is_shortened = False


class LimitedReader(io.RawIOBase):
    """What a socket brings, until the time is over or the reply is too long.

    Args:
        connection: The socket.
        deadline: Its limit of time.
        most: How many octets a reply may have.
        raw: What is read in place of the socket, and closed in the end.
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
        """Read what has come.

        Raises:
            TimeoutError: When the time is over.
            ReplyTooLong: When that was more than an answer may have.
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
    """Reads lines, of which the end of the connection ends none.

    Attributes:
        expects_more: Whether the connection must not end before the next line either.
    """

    def __init__(self, raw: LimitedReader) -> None:
        super().__init__(raw)
        self.expects_more = False

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return a line, or as much of one as asked for; nothing where the connection has ended.

        Raises:
            ReplyCutOff: When the connection ends in the middle.
        """
        line = super().readline(size)
        is_whole = line.endswith(b"\n") or len(line) == size
        if not is_whole and (line or self.expects_more):
            raise ReplyCutOff
        return line
