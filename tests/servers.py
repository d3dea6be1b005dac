"""No test leaves a server that asks its closed socket without end.

Such a thread takes a processor from all tests after it, and no test fails of it.
"""

import socketserver
import threading
from collections.abc import Generator

import pytest

#: A thread whose server was stopped ends at once; on a busy machine a little later.
PATIENCE_SECONDS = 5.0


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Generator[None]:
    """Fail a test that closes a server's socket and leaves the thread running."""
    yield
    check()


def check() -> None:
    """Find the threads with a server that is closed and was not shut down.

    Raises:
        AssertionError: When there is one; the thread is ended.
    """
    closed = [
        server
        for thread in threading.enumerate()
        if (server := _closed_server_of(thread)) is not None and _goes_on(thread)
    ]
    for server in closed:
        server.shutdown()
    assert not closed, f"Closed, and not shut down before: {closed}"


def _closed_server_of(thread: threading.Thread) -> socketserver.BaseServer | None:
    """Return the server whose requests a thread serves from a closed socket.

    A thread of a single connection is none: it waits for a client that keeps the connection.
    """
    target = getattr(thread, "_target", None)
    server = getattr(target, "__self__", None)
    serves = getattr(target, "__name__", "") == socketserver.BaseServer.serve_forever.__name__
    if serves and isinstance(server, socketserver.BaseServer) and server.fileno() == -1:
        return server
    return None


def _goes_on(thread: threading.Thread) -> bool:
    thread.join(PATIENCE_SECONDS)
    return thread.is_alive()
