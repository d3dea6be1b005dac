"""A server that a test closes without an end for its thread fails the test."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests import servers


def start() -> tuple[HTTPServer, threading.Thread]:
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    return server, thread


def test_a_server_that_is_closed_and_not_shut_down_is_found_and_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(servers, "PATIENCE_SECONDS", 0.2)
    server, thread = start()
    server.server_close()
    with pytest.raises(AssertionError, match="not shut down before"):
        servers.check()
    thread.join(30)
    assert not thread.is_alive()
    servers.check()


def test_a_server_at_work_or_shut_down_is_none_of_them() -> None:
    server, thread = start()
    servers.check()
    assert thread.is_alive()
    server.shutdown()
    server.server_close()
    servers.check()
    thread.join(30)
    assert not thread.is_alive()


def test_each_test_is_checked(request: pytest.FixtureRequest) -> None:
    assert request.config.pluginmanager.has_plugin(servers.__name__)
