"""What stands between the workers and their database, as a pooler does, and may be restarted."""

import socket
import threading
from contextlib import suppress
from typing import Any, Self

CHUNK = 65_536


class Pooler:
    """Hands every connection on to a database server, while it is open.

    Args:
        host: The server's.
        port: Likewise.

    Attributes:
        port: Where it listens on 127.0.0.1, or will.
        connections: How many there have been.
        swallowed: Set once something came that is not handed on, because nothing flows.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            self.port: int = reserved.getsockname()[1]
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
        """Listen, and serve whoever comes."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._start(self._accept, self._listening)

    def swallow(self) -> None:
        """Hand nothing on from now on, and leave every connection open: nobody gets an answer."""
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
