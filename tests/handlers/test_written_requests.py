"""A request that was written may have been heard, however broken the answer; no secret is told."""

import logging
import os
import socket
import ssl
from pathlib import Path

import pytest
import requests
from django.utils import timezone

from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.http.deadline import was_written
from django_notification_system.notification_handlers.http.last_answer import LastAnswer
from django_notification_system.notification_handlers.http.session import (
    NoAnswer,
    open_session,
    outcome_without_answer,
    said_of_no_answer,
    why_no_answer,
)
from django_notification_system.outcome import OutcomeKind
from tests.support.certificates import server_context
from tests.support.ports import refusing_port
from tests.support.raw_server import RawServer, Talk

SECRET = "planted-token-in-the-path"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


def heard(then: Talk, heard: list[bytes] | None = None) -> Talk:
    """Return what reads a whole request, and then does something in place of answering."""

    def talk(connection: socket.socket) -> None:
        received = b""
        while not received.endswith(b"\r\n\r\nHello"):
            if not (part := connection.recv(1 << 16)):
                return
            received += part
        if heard is not None:
            heard.append(received)
        then(connection)

    return talk


def answering(answer: bytes) -> Talk:
    return heard(lambda connection: connection.sendall(answer))


def post(address: str, **options: object) -> requests.Response:
    with open_session(1) as session:
        return session.post(f"{address}/{SECRET}", data="Hello", timeout=1, **options)  # type: ignore[arg-type]


def failure(address: str, **options: object) -> requests.RequestException:
    with pytest.raises(requests.RequestException) as caught:
        post(address, **options)
    return caught.value


@pytest.fixture
def notification() -> Notification:
    return Notification(target_user_record=TargetUserRecord(), scheduled_delivery=timezone.now())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nOK",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 OK 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nOK",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nOK",
    ],
    ids=["two lengths", "many headers", "version", "status", "chunk", "gzip", "encoding"],
)
def test_a_broken_answer_is_an_answer_to_what_was_written(
    answer: bytes, notification: Notification
) -> None:
    with RawServer(answering(answer)) as server:
        error = failure(f"http://127.0.0.1:{server.port}")
    assert was_written(error)
    outcome = outcome_without_answer(notification, error)
    assert outcome.result is OutcomeKind.UNKNOWN
    assert SECRET not in outcome.response


@pytest.mark.parametrize("sent", [b"", GOOD[:-4]], ids=["headers", "body"])
def test_tls_that_breaks_in_the_answer_breaks_after_the_request(
    tmp_path: Path, notification: Notification, sent: bytes
) -> None:
    context, certificate = server_context(tmp_path)

    def garble(connection: socket.socket) -> None:
        if sent:
            connection.sendall(sent)
        os.write(connection.fileno(), b"no record of TLS at all, and long enough for one")

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            heard(garble)(secured)

    with RawServer(talk) as server:
        error = failure(f"https://localhost:{server.port}", verify=certificate)
    assert "SSL" in f"{type(error).__name__} {error}"
    assert outcome_without_answer(notification, error).result is OutcomeKind.UNKNOWN


def test_an_alert_of_tls_in_place_of_an_answer_comes_after_the_request(tmp_path: Path) -> None:
    context, certificate = server_context(tmp_path)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED  # in TLS 1.3 the client's request comes before the no
    context.load_verify_locations(certificate)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    with RawServer(talk) as server:
        error = failure(f"https://localhost:{server.port}", verify=certificate)
    assert why_no_answer(error) is NoAnswer.LOST


def test_what_was_not_written_was_not_sent(notification: Notification) -> None:
    with refusing_port() as port:
        error = failure(f"http://127.0.0.1:{port}")
    assert not was_written(error)
    assert SECRET in str(error)
    outcome = outcome_without_answer(notification, error)
    assert outcome.result is OutcomeKind.RETRY
    assert SECRET not in outcome.response
    assert f"port={port}" in outcome.response


def test_a_second_request_of_a_connection_is_judged_by_itself(tmp_path: Path) -> None:
    with RawServer(answering(GOOD)) as server, open_session(1) as session:
        assert session.post(f"http://127.0.0.1:{server.port}/", data="Hello", timeout=1).ok
        with refusing_port() as port, pytest.raises(requests.RequestException) as caught:
            session.post(f"http://127.0.0.1:{port}/", data="Hello", timeout=1)
        assert why_no_answer(caught.value) is NoAnswer.NOT_CONNECTED


def test_a_header_that_cannot_be_sent_is_a_fault_of_the_settings(
    notification: Notification,
) -> None:
    error = failure("http://127.0.0.1:1", headers={"Authorization": f"Bearer {SECRET}\n"})
    with pytest.raises(TargetUnavailable, match="no request can be made") as raised:
        outcome_without_answer(notification, error)
    assert SECRET not in str(raised.value)


@pytest.fixture
def login_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(file))


@pytest.mark.parametrize("login", ["", "egg:bacon"])
def test_a_login_file_is_not_read(login_file: None, login: str) -> None:
    requests_heard: list[bytes] = []
    talk = heard(lambda connection: connection.sendall(GOOD), requests_heard)
    with RawServer(talk) as server:
        place = f"{login}@127.0.0.1" if login else "127.0.0.1"
        assert post(f"http://{place}:{server.port}").text == "OK"
    [received] = requests_heard
    assert (b"Authorization: Basic ZWdnOmJhY29u" in received) is bool(login)
    assert b"Authorization" in received or not login
    assert b"c29tZWJvZHk6ZWxzZQ" not in received


def test_the_last_answer_is_that_of_the_thread_and_redirects_are_answers() -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    answer = LastAnswer()
    with RawServer(answering(redirect)) as server, open_session(1) as session:
        answer.listen_to(session)
        with pytest.raises(requests.TooManyRedirects):
            session.post(f"http://127.0.0.1:{server.port}/", data="Hello", timeout=1)
    assert answer.status == 302
    assert answer.headers["Location"] == "http://127.0.0.1:1/"
    answer.forget()
    assert (answer.status, dict(answer.headers)) == (0, {})


def test_an_error_of_another_kind_tells_its_name_alone() -> None:
    assert said_of_no_answer(ValueError(SECRET)) == "ValueError: no request can be made."


QUOTES = f"POST /{SECRET} HTTP/1.1"


@pytest.mark.parametrize(
    "answer",
    [
        f"{QUOTES}\r\n\r\n",
        f"HTTP/1.1 {SECRET} OK\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n",
        f"HTTP/1.1 200 OK\r\nContent-Encoding: {SECRET}\r\nContent-Length: 1\r\n\r\nx",
    ],
    ids=["request", "status", "chunk", "encoding"],
)
def test_an_answer_that_is_none_is_not_quoted(answer: str) -> None:
    """An echo service answers with the request, whose path may be a secret."""
    with RawServer(answering(answer.encode())) as server:
        error = failure(f"http://127.0.0.1:{server.port}")
    said = said_of_no_answer(error)
    assert SECRET not in said
    assert said.startswith(type(error).__name__)


def test_headers_that_are_none_are_not_quoted_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{QUOTES}\r\n\r\n"
    with (
        RawServer(answering(answer.encode())) as server,
        open_session(1, hides_addresses=True) as session,
    ):
        session.post(f"http://127.0.0.1:{server.port}/{SECRET}", data="Hello", timeout=1)
    assert "Failed to parse headers" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("status", [102, 103])
def test_an_interim_answer_is_not_the_answer(status: int) -> None:
    """RFC 9110, section 15.2: there may be any number before the answer."""
    interim = f"HTTP/1.1 {status} Wait\r\nLink: </a.css>\r\n\r\n".encode()
    with RawServer(answering(interim * 2 + GOOD)) as server:
        assert post(f"http://127.0.0.1:{server.port}").text == "OK"
