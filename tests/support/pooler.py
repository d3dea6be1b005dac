"""A proxy between workers and their database, like a pooler, which tests may restart."""

import socket
import threading
from contextlib import suppress
from typing import Any, Self

from tests.support.ports import free_port

CHUNK = 65_536


class Pooler:
    """Passes connections on to a database server, while open.

    Args:
        host: The server's host.
        port: The server's port.

    Attributes:
        port: The pooler's port on 127.0.0.1, open or not.
        connections: How many connections were made.
        swallowed: Set once bytes came that are not passed on, after ``swallow()``.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self.port = free_port()
        self.connections = 0
        self.swallowed = threading.Event()
        self._flows = threading.Event()
        self._flows.set()
        self._listening: socket.socket | None = None
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def open(self) -> None:
        """Listen, and serve every client."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._start(self._accept, self._listening)

    def swallow(self) -> None:
        """Pass nothing on from now on, and leave all connections open: no client gets an answer."""
        self._flows.clear()

    def close(self) -> None:
        """End all connections, and take no more."""
        listening, self._listening = self._listening, None
        opened, self._open = self._open, []
        self._flows.set()
        for each in [*([] if listening is None else [listening]), *opened]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=10)
        for each in [*([] if listening is None else [listening]), *opened]:
            each.close()
        self._threads.clear()

    def _start(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                self.connections += 1
                server = socket.create_connection(self._server)
                self._open += [client, server]
                self._start(self._pass_on, client, server)
                self._start(self._pass_on, server, client)

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while some := source.recv(CHUNK):
                if not self._flows.is_set():
                    self.swallowed.set()
                    self._flows.wait()
                sink.sendall(some)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
