"""A mail server on a real socket that follows a test's script, and keeps all input."""

import contextlib
import socket
import ssl
import threading
import time
from typing import Any, Self

#: In place of a reply: the connection is closed without a reply.
HANG_UP = "hang up"
DEFAULT_REPLIES = {
    "MAIL": "250 2.1.0 OK",
    "RCPT": "250 2.1.5 OK",
    "DATA": "354 Go on",
    "MESSAGE": "250 2.0.0 Taken",
    "RSET": "250 2.0.0 Reset",
    "AUTH": "235 2.7.0 Come in",
    "STARTTLS": "220 2.0.0 Go on",
    "QUIT": "221 2.0.0 Bye",
}
EXTENSIONS = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8")


class ScriptedSmtp:
    """A mail server that answers all commands of a read in one write.

    Args:
        extensions: The advertised extensions.
        context: TLS from the start, or after STARTTLS where advertised; the server then advertises
            ``EXTENSIONS``.
        octets_per_write: The size of the pieces of an answer.
        small_buffers: Whether the server has little room for bytes on their way, and answers a
            command before reading the next.

    Attributes:
        script: By command, the first answer, the second, and so on; then ``DEFAULT_REPLIES``.
        reads: The input of every read, without the opening and the end of the connection. For
            messages that fit in a packet, a read is a round trip.
        messages: The accepted messages, unchanged, without the final dot.
        connections: How many connections were made.
    """

    def __init__(
        self,
        extensions: tuple[str, ...] = EXTENSIONS,
        context: ssl.SSLContext | None = None,
        octets_per_write: int | None = None,
        small_buffers: bool = False,
    ) -> None:
        self.extensions = extensions
        self.script: dict[str, list[str]] = {}
        self.reads: list[bytes] = []
        self.messages: list[bytes] = []
        self.connections = 0
        self._context = context
        self._octets_per_write = octets_per_write
        self._small_buffers = small_buffers
        self._sockets: list[socket.socket] = []
        self._in_transaction = False

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        if self._small_buffers:
            self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.host, self.port = self._listening.getsockname()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        for each in [self._listening, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=10)
        for each in [self._listening, *self._sockets]:
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = self._listening.accept()
                self.connections += 1
                self._sockets.append(accepted)
                with contextlib.suppress(OSError), accepted:
                    self._talk(accepted)

    def _talk(self, connection: socket.socket) -> None:
        secure = self._context is not None and "STARTTLS" not in self.extensions
        if secure:
            connection = self._encrypted(connection)
        self._in_transaction = False
        self._write(connection, b"220 localhost ESMTP\r\n")
        buffer, in_message = b"", False
        while read := connection.recv(1 << 20):
            if read[:4].upper() not in (b"EHLO", b"QUIT", b"STAR", b"AUTH"):
                self.reads.append(read)
            buffer += read
            answers: list[str] = []
            while answer := self._next(buffer, in_message):
                buffer, in_message, reply = answer
                if reply == HANG_UP:
                    self._write(connection, "".join(answers).encode())
                    connection.shutdown(socket.SHUT_RDWR)
                    return
                answers.append(f"{reply}\r\n")
                if self._small_buffers:
                    self._write(connection, answers.pop().encode())
            self._write(connection, "".join(answers).encode())
            if answers and answers[-1].startswith(("421", "221")):
                return
            if read.upper().startswith(b"STARTTLS") and answers[-1].startswith("220"):
                connection = self._encrypted(connection)
                self.extensions = EXTENSIONS

    def _next(self, buffer: bytes, in_message: bool) -> tuple[bytes, bool, str] | None:
        """Return the rest of the buffer, whether a message comes next, and an answer."""
        if in_message:
            # An empty message consists of the dot alone.
            message, end, rest = (b"\r\n" + buffer).partition(b"\r\n.\r\n")
            if not end:
                return None
            self._in_transaction = False
            reply = self._reply("MESSAGE")
            if reply.startswith("250"):
                self.messages.append(message[2:] + b"\r\n")
            return rest, False, reply
        line, end, rest = buffer.partition(b"\r\n")
        if not end:
            return None
        command = line[:4].upper().decode()
        command = "STARTTLS" if command == "STAR" else command
        if command == "EHLO":
            names = ["localhost", *self.extensions]
            lines = [f"250-{name}" for name in names[:-1]] + [f"250 {names[-1]}"]
            return rest, False, "\r\n".join(lines)
        if command == "MAIL" and self._in_transaction:
            return rest, False, "503 5.5.1 Nested MAIL"
        reply = self._reply(command)
        if command in ("MAIL", "RSET"):
            self._in_transaction = command == "MAIL" and reply.startswith("250")
        return rest, command == "DATA" and reply.startswith("354"), reply

    def _reply(self, command: str) -> str:
        replies = self.script.get(command)
        return replies.pop(0) if replies else DEFAULT_REPLIES[command]

    def _encrypted(self, connection: socket.socket) -> socket.socket:
        assert self._context is not None
        encrypted = self._context.wrap_socket(connection, server_side=True)
        self._sockets.append(encrypted)
        return encrypted

    def _write(self, connection: socket.socket, answer: bytes) -> None:
        size = self._octets_per_write or len(answer) or 1
        if size < len(answer):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(answer), size):
            connection.sendall(answer[start : start + size])
            if self._octets_per_write:
                time.sleep(0.0005)
