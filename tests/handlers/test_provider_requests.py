"""What the handlers of HTTP APIs share: each whole reply is bounded, and silence is understood."""

import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from django.utils import timezone

from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.base import Outcome
from django_notification_system.notification_handlers.http.session import (
    NoAnswer,
    open_session,
    outcome_of_status,
    outcome_without_answer,
    why_no_answer,
)
from tests.support.certificates import server_context
from tests.support.ports import refusing_port
from tests.support.raw_server import RawServer, Talk, reset, stop_writing, wait

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"
TIMEOUT = 1.0
#: Without the time limit, a reply would come whole, or never.
SOON_SECONDS = 10


def after_request(then: Talk) -> Talk:
    """Return what reads a request, and then does something in place of answering."""

    def talk(connection: socket.socket) -> None:
        received = b""
        while not received.endswith(b"\r\n\r\nHello"):
            if not (part := connection.recv(1 << 16)):
                return
            received += part
        then(connection)

    return talk


def drip(content: bytes, *, after: int = 0) -> Talk:
    """Return what writes a byte at a time, each well within the time limit."""

    def then(connection: socket.socket) -> None:
        connection.sendall(content[:after])
        for position in range(after, len(content)):
            connection.sendall(content[position : position + 1])
            time.sleep(TIMEOUT / 5)

    return then


def post(address: str, *, times: int = 1, **options: object) -> requests.Response:
    with open_session(1) as session:
        session.trust_env = False
        for _ in range(times):
            response = session.post(address, data="Hello", timeout=TIMEOUT, **options)  # type: ignore[arg-type]
    return response


def failure(address: str, **options: object) -> requests.RequestException:
    with pytest.raises(requests.RequestException) as caught:
        post(address, **options)
    return caught.value


@pytest.mark.parametrize(
    "content",
    [drip(HEAD + b"Hello"), drip(HEAD + b"Hello", after=len(HEAD) - 6), drip(b"a" * 1000)],
)
def test_a_reply_that_comes_a_byte_at_a_time_ends_with_the_time_limit(content: Talk) -> None:
    with RawServer(after_request(content)) as server:
        begun = time.monotonic()

        error = failure(f"http://127.0.0.1:{server.port}/")

        assert time.monotonic() - begun < SOON_SECONDS
        assert why_no_answer(error) is NoAnswer.LOST


def test_a_body_that_comes_a_byte_at_a_time_ends_with_the_time_limit() -> None:
    slow = drip(HEAD.replace(b"5", b"500") + b"a" * 500, after=len(HEAD) + 2)
    with RawServer(after_request(slow)) as server:
        begun = time.monotonic()

        error = failure(f"http://127.0.0.1:{server.port}/")

        assert time.monotonic() - begun < SOON_SECONDS
        assert why_no_answer(error) is NoAnswer.LOST


def test_each_reply_has_its_whole_time_and_connections_are_kept() -> None:
    def talk(connection: socket.socket) -> None:
        for _ in range(4):
            after_request(lambda connection: time.sleep(0.35 * TIMEOUT))(connection)
            connection.sendall(HEAD + b"Hello")

    with RawServer(talk) as server:
        assert post(f"http://127.0.0.1:{server.port}/", times=4).text == "Hello"
        assert server.connections == 1


def test_a_reply_without_a_length_is_read_to_its_end() -> None:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

    def then(connection: socket.socket) -> None:
        connection.sendall(head)
        time.sleep(0.1)
        connection.sendall(b"Hello")

    with RawServer(after_request(then)) as server:
        assert post(f"http://127.0.0.1:{server.port}/").text == "Hello"


def test_a_proxy_that_goes_away_with_a_request_may_have_passed_it_on() -> None:
    with RawServer(after_request(lambda connection: None)) as server:
        proxies = {"http": f"http://127.0.0.1:{server.port}"}
        error = failure("http://api.example.com/", proxies=proxies)

    assert why_no_answer(error) is NoAnswer.LOST


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", b""])
def test_a_proxy_that_opens_no_tunnel_has_passed_nothing_on(answer: bytes) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(answer)

    with RawServer(refuse) as server:
        proxies = {"https": f"http://127.0.0.1:{server.port}"}
        error = failure("https://api.example.com/", proxies=proxies)

    assert why_no_answer(error) is NoAnswer.NOT_CONNECTED


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nHe\r\n3\r\nllo\r\n0\r\n\r\n"


def test_a_reply_in_chunks_is_read_and_bounded_too() -> None:
    replies = [drip(CHUNKED, after=len(CHUNKED) - 2), drip(CHUNKED, after=len(CHUNKED) - 20)]
    talk = after_request(lambda connection: replies.pop(0)(connection))
    with RawServer(talk) as server:
        address = f"http://127.0.0.1:{server.port}/"
        assert post(address).text == "Hello"
        begun = time.monotonic()

        assert why_no_answer(failure(address)) is NoAnswer.LOST

        assert time.monotonic() - begun < SOON_SECONDS


def test_tls_through_a_proxy_is_read_and_bounded_too(tmp_path: Path) -> None:
    context, certificate = server_context(tmp_path)
    replies = [drip(HEAD + b"Hello", after=len(HEAD) + 4), drip(HEAD + b"Hello")]

    def tunnel(connection: socket.socket) -> None:
        while not connection.recv(1 << 16).endswith(b"\r\n\r\n"):
            pass
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        over_tls(context, after_request(replies.pop(0)))(connection)

    with RawServer(tunnel) as server:
        address = "https://localhost/"
        options = {
            "proxies": {"https": f"http://127.0.0.1:{server.port}"},
            "verify": certificate,
        }
        assert post(address, **options).text == "Hello"
        begun = time.monotonic()

        assert why_no_answer(failure(address, **options)) is NoAnswer.LOST

        assert time.monotonic() - begun < SOON_SECONDS


def test_the_time_limit_holds_behind_a_proxy() -> None:
    with RawServer(after_request(drip(HEAD + b"Hello"))) as server:
        begun = time.monotonic()

        proxies = {"http": f"http://127.0.0.1:{server.port}"}
        error = failure("http://api.example.com/", proxies=proxies)

        assert time.monotonic() - begun < SOON_SECONDS
        assert why_no_answer(error) is NoAnswer.LOST


@pytest.mark.parametrize("then", [stop_writing, reset, wait, lambda connection: None])
def test_a_connection_that_is_lost_after_the_request_may_have_carried_it(then: Talk) -> None:
    with RawServer(after_request(then)) as server:
        assert why_no_answer(failure(f"http://127.0.0.1:{server.port}/")) is NoAnswer.LOST


def test_where_nobody_listens_nothing_was_sent() -> None:
    with refusing_port() as port:
        assert why_no_answer(failure(f"http://127.0.0.1:{port}/")) is NoAnswer.NOT_CONNECTED
        proxies = {"http": f"http://127.0.0.1:{port}"}
        error = failure("http://api.example.com/", proxies=proxies)
        assert why_no_answer(error) is NoAnswer.NOT_CONNECTED


def over_tls(context: ssl.SSLContext, talk: Talk) -> Talk:
    def encrypted(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            talk(secured)

    return encrypted


def test_over_tls_the_time_limit_and_the_certificate_count(tmp_path: Path) -> None:
    context, certificate = server_context(tmp_path)
    replies = [after_request(lambda connection: connection.sendall(HEAD + b"Hello"))]
    replies.append(after_request(drip(HEAD + b"Hello")))

    with RawServer(over_tls(context, lambda connection: replies.pop(0)(connection))) as server:
        address = f"https://localhost:{server.port}/"
        assert why_no_answer(failure(address)) is NoAnswer.NOT_TRUSTED
        assert why_no_answer(failure(address.replace("localhost", "127.0.0.1"))) is (
            NoAnswer.NOT_TRUSTED
        )
        assert post(address, verify=certificate).text == "Hello"
        begun = time.monotonic()
        assert why_no_answer(failure(address, verify=certificate)) is NoAnswer.LOST
        assert time.monotonic() - begun < SOON_SECONDS


@pytest.mark.parametrize("then", [wait, stop_writing, reset, lambda connection: None])
def test_where_tls_does_not_come_about_nothing_was_sent(then: Talk) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(1 << 16)  # the first words of TLS
        then(connection)

    with RawServer(talk) as server:
        begun = time.monotonic()
        error = failure(f"https://127.0.0.1:{server.port}/")

    assert time.monotonic() - begun < SOON_SECONDS
    assert why_no_answer(error) is NoAnswer.NOT_CONNECTED
    assert "HTTPSConnectionPool(host='127.0.0.1'" in str(error)


def test_a_connection_over_tls_that_is_lost_after_the_request_may_have_carried_it(
    tmp_path: Path,
) -> None:
    context, certificate = server_context(tmp_path)
    ends = [lambda connection: None, reset, lambda connection: socket.close(connection.detach())]

    with RawServer(
        over_tls(context, after_request(lambda connection: ends[-1](connection)))
    ) as server:
        while ends:
            error = failure(f"https://localhost:{server.port}/", verify=certificate)
            assert why_no_answer(error) is NoAnswer.LOST
            ends.pop()


def test_what_speaks_no_tls_took_nothing() -> None:
    with RawServer(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n")) as server:
        error = failure(f"https://127.0.0.1:{server.port}/")

    assert why_no_answer(error) is NoAnswer.NOT_CONNECTED


@pytest.fixture
def judge() -> Callable[[requests.RequestException], Outcome]:
    notification = Notification(
        target_user_record=TargetUserRecord(), scheduled_delivery=timezone.now()
    )
    return lambda error: outcome_without_answer(notification, error)


def test_only_what_any_other_message_would_meet_counts_as_out_of_reach(
    judge: Callable[[requests.RequestException], Outcome],
) -> None:
    assert judge(failure("http://127.0.0.1:1/")).unreachable
    assert judge(requests.ConnectionError("lost")).unreachable


def test_a_status_alone_says_what_comes_of_a_message(
    judge: Callable[[requests.RequestException], Outcome],
) -> None:
    notification = judge(requests.ConnectionError("lost")).notification

    def said(status: int, **headers: str) -> str:
        outcome = outcome_of_status(notification, status, "", headers)
        flags = ("is_busy", "out_of_order", "unreachable", "deactivate_record")
        return " ".join([outcome.result.value, *(flag for flag in flags if getattr(outcome, flag))])

    assert {status: said(status) for status in (200, 400, 408, 410, 422, 429, 500, 501, 503)} == {
        200: "unknown unreachable",
        **dict.fromkeys((400, 410, 422), "failed"),
        408: "retry",
        429: "retry is_busy",
        **dict.fromkeys((500, 501, 503), "retry out_of_order"),
    }
    assert said(502) == said(504) == "unknown unreachable"
    assert said(503, **{"Retry-After": "120"}) == "retry is_busy"
    for status in (301, 307, 401, 403, 404, 407):
        with pytest.raises(TargetUnavailable, match="Correct the credentials and base_url"):
            said(status)


def test_a_certificate_that_is_not_trusted_stops_the_target(
    tmp_path: Path, judge: Callable[[requests.RequestException], Outcome]
) -> None:
    context, _ = server_context(tmp_path)
    with RawServer(over_tls(context, wait)) as server:
        error = failure(f"https://localhost:{server.port}/")

    with pytest.raises(TargetUnavailable, match="have the machine trust this certificate"):
        judge(error)
