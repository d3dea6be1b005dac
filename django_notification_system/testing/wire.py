"""A local port between a handler and its provider: counts connections, and can lose an answer."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

OCTETS_AT_ONCE = 1 << 16
#: Seconds for a connection to the stand-in, on the same machine.
CONNECT_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A stand-in for a handler's provider, at work on a real socket.

    Attributes:
        port: The stand-in's port.
        received: Returns a text for every message that the stand-in took, in any order. The text
            contains the notification's body. The stand-in adds a message before answering.
        host: The stand-in's address.
    """

    port: int
    received: Callable[[], Iterable[str]]
    host: str = "127.0.0.1"


class Wire:
    """Carries connections to a stand-in, from any thread.

    Use a wire as a context manager. Without a stand-in the wire is a provider that reads everything
    and never answers.

    Args:
        provider: The stand-in; by default none.

    Attributes:
        host: The host to connect to.
        port: The port to connect to.
        connections: How many connections clients have opened.
        written: All bytes from clients, in the order of their arrival.
        loses_answer: Called before every part of an answer; where the function returns True, the
            wire closes the connection in place of the answer, once.
        has_lost_answer: Set when the wire has lost an answer.
    """

    host = "127.0.0.1"

    def __init__(self, provider: Provider | None = None) -> None:
        self.port = 0
        self.connections = 0
        self.written = bytearray()
        self.loses_answer: Callable[[], bool] | None = None
        self.has_lost_answer = threading.Event()
        self._provider = provider
        self._lock = threading.Lock()
        #: The clients' ends, not closed by the clients.
        self._open: set[socket.socket] = set()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listening = socket.create_server((self.host, 0))
        self.port = self._listening.getsockname()[1]
        self._sockets.append(self._listening)
        self._start(self._accept)
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _hang_up(*self._sockets)
        for thread in list(self._threads):
            thread.join(CONNECT_SECONDS)
        for each in self._sockets:
            each.close()

    @property
    def open_connections(self) -> int:
        """How many connections the clients keep open now."""
        with self._lock:
            return len(self._open)

    @property
    def threads(self) -> frozenset[threading.Thread]:
        """The wire's own threads."""
        with self._lock:
            return frozenset(self._threads)

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the end of the wire
            while True:
                client, _ = self._listening.accept()
                with self._lock:
                    self.connections += 1
                    self._open.add(client)
                    self._sockets.append(client)
                self._start(self._carry, client)

    def _carry(self, client: socket.socket) -> None:
        if self._provider is None:
            self._read(client, forward=lambda octets: None)
            return
        address = self._provider.host, self._provider.port
        try:
            provider = socket.create_connection(address, timeout=CONNECT_SECONDS)
        except OSError:
            _hang_up(client)  # the stand-in has ended
            self._read(client, forward=lambda octets: None)
            return
        provider.settimeout(None)
        with self._lock:
            self._sockets.append(provider)
        self._start(self._answer, provider, client)
        self._read(client, forward=provider.sendall)
        _hang_up(provider)

    def _read(self, client: socket.socket, *, forward: Callable[[bytes], None]) -> None:
        """Forward a client's bytes, until the client's end of the connection is closed."""
        with contextlib.suppress(OSError):
            while octets := client.recv(OCTETS_AT_ONCE):
                with self._lock:
                    self.written += octets
                with contextlib.suppress(OSError):  # the stand-in hung up, as the client will read
                    forward(octets)
        with self._lock:
            self._open.discard(client)

    def _answer(self, provider: socket.socket, client: socket.socket) -> None:
        """Forward the stand-in's bytes."""
        with contextlib.suppress(OSError):
            while octets := provider.recv(OCTETS_AT_ONCE):
                if self._loses_this():
                    break
                client.sendall(octets)
        _hang_up(client, provider)

    def _loses_this(self) -> bool:
        with self._lock:
            if self.loses_answer is None or self.has_lost_answer.is_set():
                return False
            if not self.loses_answer():
                return False
            self.has_lost_answer.set()
            return True


def _hang_up(*sockets: socket.socket) -> None:
    """Close connections for both sides; the sockets' threads read the end."""
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
