"""What providers and mail servers say without end, by halves, or too slowly."""

import gzip
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.testing.providers import ProviderStandIn
from tests.conftest import MakeDue
from tests.nightly import NIGHTLY
from tests.support.apis import APIS, NOBODY_KNOWS, Api, fcm_api
from tests.support.email_support import after_run
from tests.support.fcm_support import key_checked_once
from tests.support.mail_backends import use_backend
from tests.support.provider_support import PATIENCE_SECONDS
from tests.support.raw_server import RawServer, Talk, at, stop_writing, wait

pytestmark = pytest.mark.django_db
#: Of a client that is to give up, in seconds; others have patience, as a busy machine answers late.
TIMEOUT = 0.2
#: Twilio, Expo and FCM each find a message's name.
TAKEN = (
    b'{"sid": "SM1", "data": [{"status": "ok", "id": "ticket"}], "name": "projects/a/messages/1"}'
)


def repeat(part: bytes, pause: float = 0) -> Talk:
    """Return what writes the same again and again, until the client is gone."""

    def then(connection: socket.socket) -> None:
        while True:
            connection.sendall(part)
            time.sleep(pause)

    return then


def say_and_close(said: bytes) -> Talk:
    """Return what writes this and closes; a client that still writes gets no reset."""

    def then(connection: socket.socket) -> None:
        connection.sendall(said)
        stop_writing(connection)

    return then


@pytest.fixture
def mail_from(settings: Any, email: TargetUserRecord, make_due: MakeDue) -> Callable[..., Any]:
    """A function that sends one mail through a server, and returns what came of it."""

    def send(talk: Talk, timeout: float = PATIENCE_SECONDS, **fields: Any) -> Notification:
        with RawServer(talk) as server:
            use_backend(settings, host=server.host, port=server.port, timeout=timeout)
            return after_run(make_due(email, **fields))

    return send


@pytest.fixture(scope="module")
def tokens() -> Iterator[ProviderStandIn]:
    """Gives FCM's access tokens."""
    with ProviderStandIn() as stand_in, key_checked_once():
        yield stand_in


def each_api(cases: Sequence[Any]) -> list[Any]:
    """Return each API's name with each case; by day few cases of what shares the session."""
    return [
        (name, case)
        for name in (*APIS, "FCM")
        for case in (cases if NIGHTLY or name in ("Twilio", "Expo") else cases[::3])
    ]


@pytest.fixture(params=[*APIS, "FCM"])
def api(request: Any, tokens: ProviderStandIn, settings: Any) -> Api:
    """Each target with an HTTP API."""
    return fcm_api(tokens, settings) if request.param == "FCM" else APIS[request.param]


@pytest.fixture
def api_answer(api: Api, settings: Any, user: Any, make_due: MakeDue) -> Callable[..., Any]:
    """A function that sends one message through an API, and returns what came of it."""

    def send(then: Talk, timeout: float = PATIENCE_SECONDS) -> Notification:
        def talk(connection: socket.socket) -> None:
            connection.recv(1 << 16)
            then(connection)

        with RawServer(talk) as server:
            address = f"http://{server.host}:{server.port}"
            api.point_to(address, settings, timeout=timeout)
            return after_run(make_due(api.make_record(address, user)))

    return send


def check_no_answer(notification: Notification, api: Api, said: bytes) -> None:
    """Check what comes of an answer that has no end, or no whole one.

    Args:
        notification: The notification.
        api: The target.
        said: The answer, or its beginning.
    """
    has_status = said.startswith(b"HTTP/1.1 201") and b"\r\n\r\n" in said
    if has_status and not api.body_counts:
        assert notification.status == Notification.DELIVERED
    else:
        assert notification.status == Notification.RETRY
        assert api.said in notification.response


def reply(body: bytes, *headers: str) -> bytes:
    head = "".join(f"{line}\r\n" for line in ("HTTP/1.1 201 Created", *headers))
    return head.encode() + b"\r\n" + body


# --- Half an answer ---------------------------------------------------------------------------


@pytest.mark.parametrize("said", [b"250 OK", b"25", b"250-Taken\r\n"])
def test_half_a_reply_to_a_message_is_no_reply(mail_from: Any, said: bytes) -> None:
    notification = mail_from(at("MESSAGE", say_and_close(said)))
    assert notification.status == Notification.RETRY
    assert NOBODY_KNOWS in notification.response


@pytest.mark.parametrize("command", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_half_a_refusal_is_no_refusal(mail_from: Any, command: str) -> None:
    notification = mail_from(at(command, say_and_close(b"550 5.1.1 No")))
    assert notification.status in Notification.PENDING_STATUSES
    assert "550" not in notification.response


HALVES = [
    reply(TAKEN, "Content-Length: 500"),
    reply(TAKEN[:20], "Content-Length: 500"),
    reply(b"%x\r\n%s\r\n" % (len(TAKEN), TAKEN), "Transfer-Encoding: chunked"),
    reply(b"%x\r\n%s\r\n0" % (len(TAKEN), TAKEN), "Transfer-Encoding: chunked"),
    reply(b"%x\r\n%s" % (len(TAKEN) + 1, TAKEN), "Transfer-Encoding: chunked"),
    reply(gzip.compress(TAKEN)[:-8], "Content-Encoding: gzip"),
    reply(TAKEN, "Content-Encoding: br"),
    b"HTTP/1.1 400 Bad Request\r\nContent-Le",
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n",
    b"HTTP/1.1 400 Bad",
    b"",
]


@pytest.mark.parametrize(("api", "said"), each_api(HALVES), indirect=["api"])
def test_half_an_answer_is_no_answer(api_answer: Any, api: Api, said: bytes) -> None:
    notification = api_answer(say_and_close(said))
    check_no_answer(notification, api, said)


WHOLES = [
    reply(TAKEN, f"Content-Length: {len(TAKEN)}"),
    reply(TAKEN),  # ended by the connection
    reply(gzip.compress(TAKEN), "Content-Encoding: gzip"),
    reply(b"%x\r\n%s\r\n0\r\n\r\n" % (len(TAKEN), TAKEN), "Transfer-Encoding: chunked"),
]


@pytest.mark.parametrize(("api", "said"), each_api(WHOLES), indirect=["api"])
def test_a_whole_answer_is_one(api_answer: Any, said: bytes) -> None:
    assert api_answer(say_and_close(said)).status == Notification.DELIVERED


# --- Time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [b"2", b"250-more\r\n"])
@pytest.mark.parametrize("command", ["CONNECT", "EHLO", "MAIL", "DATA", "MESSAGE"])
def test_a_mail_server_that_drips_is_left(mail_from: Any, command: str, part: bytes) -> None:
    started = time.monotonic()
    mail_from(at(command, repeat(part, TIMEOUT / 4)), timeout=TIMEOUT)
    assert time.monotonic() - started < 20  # the rest would take minutes


#: A beginning, and the part that drips.
DRIPS = [
    (begin, part)
    for part in (b"X", b"1\r\n{\r\n", b"HTTP/1.1 100 Continue\r\n\r\n")
    for begin in (
        b"HTTP/1.1 201 Created\r\n",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n",
    )
]


@pytest.mark.parametrize(("api", "drips"), each_api(DRIPS), indirect=["api"])
def test_an_api_that_drips_is_left(api_answer: Any, api: Api, drips: tuple[bytes, bytes]) -> None:
    begin, part = drips

    def drip(connection: socket.socket) -> None:
        connection.sendall(begin)
        repeat(part, TIMEOUT / 4)(connection)

    started = time.monotonic()
    notification = api_answer(drip, timeout=TIMEOUT)
    assert time.monotonic() - started < 20  # the rest would take minutes
    if api.body_counts:
        check_no_answer(notification, api, begin)
    else:  # a busy machine reads the status too late
        assert notification.status in (Notification.RETRY, Notification.DELIVERED)


def test_a_message_is_left_that_takes_the_server_its_time_for_every_recipient(
    mail_from: Any,
) -> None:
    """Each reply in time, all of them together not."""
    asked = 0

    def answer_slowly(connection: socket.socket) -> None:
        nonlocal asked
        with connection.makefile("rb") as lines:
            connection.sendall(b"250 OK\r\n")
            for line in lines:
                asked += line[:4].upper() == b"RCPT"
                time.sleep(0.5)
                connection.sendall(b"250 OK\r\n")

    copies = [f"copy{number}@example.com" for number in range(30)]
    notification = mail_from(at("MAIL", answer_slowly), timeout=1, extra={"cc": copies})
    assert notification.status in Notification.PENDING_STATUSES
    assert 2 <= asked <= 9


# --- Size ---------------------------------------------------------------------------------------


def counted(part: bytes, sent: list[int]) -> Talk:
    def then(connection: socket.socket) -> None:
        while True:
            sent.append(connection.send(part))

    return then


@pytest.mark.parametrize("command", ["RCPT", "MESSAGE"])
def test_a_reply_of_a_mail_server_without_end_is_left(mail_from: Any, command: str) -> None:
    sent: list[int] = []
    notification = mail_from(at(command, counted(b"250-" + b"x" * 500 + b"\r\n", sent)))
    assert notification.status in Notification.PENDING_STATUSES
    assert "the reply has more than" in notification.response
    assert sum(sent) < 20 << 20  # what lies in the sockets' buffers included


#: A beginning, and the part that comes again and again.
ENDLESS = [
    (reply(b""), b" " * 4096),
    (reply(b"", "Transfer-Encoding: chunked"), b"1000\r\n" + b" " * 4096 + b"\r\n"),
    (reply(b"", "Transfer-Encoding: chunked"), b"1\r\n \r\n" * 1000),
    (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
]


@pytest.mark.parametrize(("api", "endless"), each_api(ENDLESS), indirect=["api"])
def test_an_answer_of_an_api_without_end_is_left(
    api_answer: Any, api: Api, endless: tuple[bytes, bytes]
) -> None:
    begin, part = endless
    sent: list[int] = []

    def then(connection: socket.socket) -> None:
        connection.sendall(begin)
        counted(part, sent)(connection)

    # So long that not the time ends it, though a busy machine reads many small parts slowly.
    notification = api_answer(then, timeout=300)
    check_no_answer(notification, api, begin)
    if api.tells_length and notification.status == Notification.RETRY:
        assert "the reply has more than" in notification.response
    assert sum(sent) < 20 << 20


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """100 MiB, packed small."""
    bomb = gzip.compress(b" " * (100 << 20))
    assert len(bomb) < 1 << 20
    return bomb


def test_what_is_packed_small_is_not_unpacked_large(api_answer: Any, api: Api, bomb: bytes) -> None:
    def then(connection: socket.socket) -> None:
        connection.sendall(reply(bomb, "Content-Encoding: gzip"))
        wait(connection)

    tracemalloc.start()
    try:
        notification = api_answer(then)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    check_no_answer(notification, api, reply(b""))
    if api.tells_length and api.body_counts:
        assert "the reply has more than" in notification.response
    assert most < 20 << 20
