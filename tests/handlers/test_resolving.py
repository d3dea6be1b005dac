"""Names are resolved within a connection's time: the system's resolver has no time limit."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail

from django_notification_system.notification_handlers.email.deadline import limit_replies
from django_notification_system.notification_handlers.faults import NoAnswer
from django_notification_system.notification_handlers.http import open_session
from django_notification_system.notification_handlers.http.session import (
    REQUEST_FAILURES,
    why_no_answer,
)
from tests.support.mail_backends import HAS_MAILERS, use_backend
from tests.support.raw_server import RawServer
from tests.support.webhook_support import answer_names


@pytest.fixture
def silent_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A resolver without an answer; the event tells that a caller has waited in vain for all of it.

    The resolver ends with the test.
    """
    ends, has_answered = threading.Event(), threading.Event()

    def never(*arguments: Any, **options: Any) -> Any:
        ends.wait(60)
        has_answered.set()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    yield has_answered
    ends.set()


def limited_backend(settings: Any, **options: Any) -> Any:
    """Return Django's backend for a mail server, with the limits of the email target."""
    use_backend(settings, host="mail.example.com", **options)
    backend = mail.mailers["default"] if HAS_MAILERS else mail.get_connection()
    limit_replies(backend, pipelining=False)
    return backend


def answer(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")


def test_a_request_does_not_wait_for_a_silent_resolver(silent_resolver: threading.Event) -> None:
    with open_session(1) as session, pytest.raises(REQUEST_FAILURES) as caught:
        session.get("http://provider.example.com/", timeout=0.2)
    assert not silent_resolver.is_set()
    assert why_no_answer(caught.value) is NoAnswer.NOT_CONNECTED
    assert "could not be resolved in time" in str(caught.value)


@pytest.mark.parametrize("options", [{}, {"use_ssl": True}])
def test_mail_does_not_wait_for_a_silent_resolver(
    silent_resolver: threading.Event, options: dict[str, bool], settings: Any
) -> None:
    backend = limited_backend(settings, port=25, timeout=0.2, **options)
    with pytest.raises(TimeoutError, match="could not be resolved in time"):
        backend.open()
    assert not silent_resolver.is_set()


def test_a_request_goes_to_the_next_address_where_one_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer_names(monkeypatch, lambda host: ["127.0.0.2", "127.0.0.1"])
    with RawServer(answer) as server, open_session(1) as session:
        url = f"http://provider.example.com:{server.port}/"
        assert session.get(url, timeout=5).text == "OK"


def test_mail_goes_to_the_next_address_where_one_refuses(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def greet(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example.com\r\n")
        while connection.recv(1 << 16):
            connection.sendall(b"250 OK\r\n")

    answer_names(monkeypatch, lambda host: ["127.0.0.2", "127.0.0.1"])
    with RawServer(greet) as server:
        backend = limited_backend(settings, port=server.port, timeout=5)
        assert backend.open()
        backend.close()


def test_a_name_that_nobody_knows_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*arguments: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with open_session(1) as session, pytest.raises(REQUEST_FAILURES, match="resolve") as caught:
        session.get("http://unknown.example.com/", timeout=5)
    assert why_no_answer(caught.value) is NoAnswer.NOT_CONNECTED
