"""Requests to public hosts alone: every form of a private address is refused, at the connection."""

import socket
import ssl
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from django_notification_system.notification_handlers.http import public_hosts
from django_notification_system.notification_handlers.http.public_hosts import (
    is_not_public,
    is_public,
    open_public_session,
)
from django_notification_system.notification_handlers.http.session import NoAnswer, why_no_answer
from tests.support.certificates import server_context
from tests.support.ports import refusing_port
from tests.support.raw_server import RawServer
from tests.support.webhook_support import answer_names

PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
    *(
        "192.168.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
    ),
    *("198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.255"),
    *("240.0.0.1", "255.255.255.255", "192.31.196.1", "192.52.193.1", "192.175.48.1"),
    *("::1", "::", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:7f00:1"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:808:808::"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2001:20::1", "100::1"),
    *("fc00::1", "fd12:3456:789a::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "3fff::1"),
    *("5f00::1", "4000::1", "no address", "", "1.1.1"),
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00::1"]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"


def get(address: str, **options: Any) -> requests.Response:
    with open_public_session(2) as session:
        return session.get(address, timeout=options.pop("timeout", 2), **options)


def failure(address: str, **options: Any) -> requests.RequestException:
    with pytest.raises(requests.RequestException) as caught:
        get(address, **options)
    return caught.value


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f000001", "2130706433"),
        *("0177.0.0.1", "127.1", "0", "127.0.0.1.", "localhost."),
    ],
)
def test_no_spelling_of_this_machine_gets_a_connection(host: str) -> None:
    connections: list[socket.socket] = []
    with RawServer(connections.append) as server:
        error = failure(f"http://{host}:{server.port}/")
        assert server.connections == 0
    # A spelling that the system's resolver does not know leads nowhere.
    assert is_not_public(error) or why_no_answer(error) is NoAnswer.NOT_CONNECTED
    assert connections == []


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["fd00::1", "2606:4700::1"], []]
)
def test_one_private_address_of_a_name_is_enough(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    connected: list[Any] = []
    monkeypatch.setattr(
        public_hosts.urllib3.util.connection,
        "create_connection",
        lambda *arguments, **options: connected.append(arguments),
    )
    answer_names(monkeypatch, lambda host: addresses)
    error = failure("https://hooks.example.com/")
    assert is_not_public(error)
    assert connected == []
    assert not getattr(error, "request_was_written", True)


def test_a_name_that_changes_its_mind_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: public when judged, private when connected to."""
    answers = [["1.1.1.1"], ["127.0.0.1"], ["127.0.0.1"]]
    asked = answer_names(monkeypatch, lambda host: answers.pop(0))
    connected: list[Any] = []

    def connect(address: Any, *arguments: Any, **options: Any) -> Any:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(public_hosts.urllib3.util.connection, "create_connection", connect)
    assert why_no_answer(failure("https://rebinding.example.com/")) is NoAnswer.NOT_CONNECTED
    assert asked == ["rebinding.example.com"]
    assert connected == [("1.1.1.1", 443)]
    # The next connection is judged anew.
    assert is_not_public(failure("https://rebinding.example.com/"))
    assert len(connected) == 1


def test_tls_and_host_have_the_name_and_the_connection_the_judged_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context, certificate = server_context(tmp_path, host="hooks.example.com")
    names: list[str | None] = []
    heard: list[bytes] = []

    def note_name(connection: ssl.SSLObject, name: str | None, _: Any) -> None:
        names.append(name)

    context.sni_callback = note_name

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            heard.append(secured.recv(1 << 16))
            secured.sendall(ANSWER)

    answer_names(monkeypatch, lambda host: ["127.0.0.1"])
    monkeypatch.setattr(public_hosts, "is_public", lambda address: address == "127.0.0.1")
    with RawServer(talk) as server:
        address = f"https://hooks.example.com:{server.port}/in"
        assert get(address, verify=certificate).text == "OK"
        error = failure(f"https://other.example.com:{server.port}/", verify=certificate)
    assert names == ["hooks.example.com", "other.example.com"]
    assert f"Host: hooks.example.com:{server.port}\r\n".encode() in heard[0]
    assert why_no_answer(error) is NoAnswer.NOT_TRUSTED


def test_the_next_address_is_tried_where_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(ANSWER)

    answer_names(monkeypatch, lambda host: ["127.0.0.2", "127.0.0.1"])
    monkeypatch.setattr(public_hosts, "is_public", lambda address: True)
    with RawServer(talk) as server:
        assert get(f"http://two.example.com:{server.port}/").text == "OK"


def test_all_addresses_of_a_name_share_the_time_to_connect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever gives a URL can give its name any number of addresses where nobody answers."""
    now = 100.0
    connected: list[str] = []

    def connect(address: Any, seconds: float, **options: Any) -> Any:
        nonlocal now
        connected.append(address[0])
        now += seconds
        raise TimeoutError("timed out")

    monkeypatch.setattr(public_hosts, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(public_hosts.urllib3.util.connection, "create_connection", connect)
    monkeypatch.setattr(public_hosts, "resolve", lambda *arguments: addresses)
    addresses = [f"1.1.1.{number}" for number in range(40)]

    error = failure("https://forty.example.com/", timeout=2)

    assert connected == addresses
    assert now == pytest.approx(102)
    assert why_no_answer(error) is NoAnswer.NOT_CONNECTED


def test_a_resolver_without_an_answer_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = threading.Event()

    def never(*arguments: Any, **options: Any) -> Any:
        ends.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    begun = time.monotonic()
    try:
        error = failure("https://slow.example.com/", timeout=0.2)
    finally:
        ends.set()
    assert time.monotonic() - begun < 10
    assert why_no_answer(error) is NoAnswer.NOT_CONNECTED
    assert "could not be resolved in time" in str(error)


@pytest.mark.parametrize("host", ["unknown.invalid", "a..example.com", "xn--.example.com"])
def test_a_name_that_nobody_knows_is_no_connection(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    def unknown(*arguments: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure(f"https://{host}/")
    assert why_no_answer(error) in (NoAnswer.NOT_CONNECTED, NoAnswer.NO_REQUEST)


def test_no_proxy_and_no_login_file_takes_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with refusing_port() as port:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        assert is_not_public(failure("https://localhost/"))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        heard.append(connection.recv(1 << 16))
        connection.sendall(ANSWER)

    with RawServer(talk) as server, open_public_session(1, allow_private=True) as session:
        assert session.get(f"http://127.0.0.1:{server.port}/", timeout=2).text == "OK"
    assert b"Authorization" not in heard[0]


def test_no_cookie_is_kept() -> None:
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        heard.append(connection.recv(1 << 16))
        # A kept connection would be reset while the second request is on its way.
        headers = b"Set-Cookie: a=b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + headers)

    with RawServer(talk) as server, open_public_session(1, allow_private=True) as session:
        for _ in range(2):
            session.get(f"http://127.0.0.1:{server.port}/", timeout=2)
    assert len(heard) == 2
    assert b"Cookie" not in heard[1]


def test_a_redirect_to_a_private_host_is_not_followed() -> None:
    connections: list[Any] = []
    with RawServer(connections.append) as inner:
        location = f"Location: http://127.0.0.1:{inner.port}/\r\n".encode()

        def talk(connection: socket.socket) -> None:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + location + b"\r\n")

        with (
            RawServer(talk) as outer,
            open_public_session(1, allow_private=True) as session,
            pytest.raises(requests.TooManyRedirects),
        ):
            session.get(f"http://127.0.0.1:{outer.port}/", timeout=2)
        assert inner.connections == 0
