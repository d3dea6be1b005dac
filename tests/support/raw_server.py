"""A server on a real socket, driven byte by byte by a test."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any, Self

Talk = Callable[[socket.socket], None]
REPLIES = {"EHLO": "250 localhost", "MAIL": "250 OK", "RCPT": "250 OK", "DATA": "354 Go on"}


class RawServer:
    """A server whose words are the test's.

    Args:
        talk: Called with every connection, in a thread; then the connection is closed.

    Attributes:
        connections: How many connections were made.
    """

    def __init__(self, talk: Talk) -> None:
        self.connections = 0
        self._talk = talk
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listening.getsockname()
        self._start(self._accept)
        return self

    def __exit__(self, *exception: Any) -> None:
        for each in [self._listening, *self._open]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=10)
        for each in [self._listening, *self._open]:
            each.close()

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                self._open.append(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            self._talk(connection)


def at(command: str, then: Talk) -> Talk:
    """Return a talk like a mail server's up to a command, with another act in place of the answer.

    Args:
        command: ``"CONNECT"``, ``"EHLO"``, ``"MAIL"``, ``"RCPT"``, ``"DATA"``, or ``"MESSAGE"``,
            the end of the message itself.
        then: The act in place of the answer.
    """

    def talk(connection: socket.socket) -> None:
        if command == "CONNECT":
            then(connection)
            return
        connection.sendall(b"220 localhost ESMTP\r\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                asked = line[:4].upper().decode()
                if asked == command:
                    break
                connection.sendall(f"{REPLIES.get(asked, '250 OK')}\r\n".encode())
                if asked == "DATA":
                    while lines.readline() not in (b".\r\n", b""):
                        pass
                    break
        then(connection)

    return talk


def say(text: str) -> Talk:
    """Return a talk that writes a text, and then waits for the client to go."""

    def then(connection: socket.socket) -> None:
        connection.sendall(text.encode())
        wait(connection)

    return then


def wait(connection: socket.socket) -> None:
    """Read until the client is gone."""
    while connection.recv(1 << 16):
        pass


def stop_writing(connection: socket.socket) -> None:
    """Close only this side's writing, like a server that goes on reading."""
    connection.shutdown(socket.SHUT_WR)
    wait(connection)


def reset(connection: socket.socket) -> None:
    """Have the operating system drop the connection: the waiting client gets a reset."""
    time.sleep(0.1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
