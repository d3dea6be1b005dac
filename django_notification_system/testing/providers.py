"""A local HTTP server that speaks Twilio's Messages API, Expo's push API, Google's FCM and more.

With the server's ``url`` as ``base_url`` of the targets, nothing leaves the machine::

    with ProviderStandIn() as providers:
        providers.answers.append(Answer(status=503))  # the next request; the rest as usual
        ...
        assert [message.body for message in providers.received] == ["Hello"]
"""

import gzip
import math
import re
import socket
import socketserver
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from . import apprise_api, expo_api, fcm_api, twilio_api
from .exchange import Answer, ReceivedMessage, ReceivedRequest
from .limit import MessageLimit

__all__ = ["Answer", "ProviderStandIn", "ReceivedMessage", "ReceivedRequest"]

TWILIO_PATH = re.compile(r"/2010-04-01/Accounts/([^/]+)/Messages\.json$")
EXPO_PATH = re.compile(r"/--/api/v2/push/send$")
EXPO_RECEIPTS_PATH = re.compile(r"/--/api/v2/push/getReceipts$")
#: Source: RFC 8291, section 4.
WEB_PUSH_ENCODING = "aes128gcm"
FCM_PATH = re.compile(r"/v1/projects/([^/]+)/messages:send$")
APPRISE_PATH = re.compile(r"/apprise/([\w-]+)/?$")
GOOGLE_TOKEN_PATH = re.compile(r"/token$")


#: The answer of all, each in its own form. Source: https://www.twilio.com/docs/api/errors/20429
TOO_MANY_REQUESTS = {
    "code": 20429,
    "message": "Too Many Requests",
    "more_info": "https://www.twilio.com/docs/errors/20429",
    "status": 429,
    "errors": [{"code": "TOO_MANY_REQUESTS", "message": "Too Many Requests", "isTransient": True}],
}


class ProviderStandIn:
    """Takes messages for Twilio, Expo, FCM and Apprise on a local port, from any thread.

    Use the stand-in as a context manager, or call ``start()`` and ``stop()``. The paths may have
    any prefix. Twilio's test numbers (https://www.twilio.com/docs/iam/test-credentials) and push
    tokens such as ``ExponentPushToken[DeviceNotRegistered]`` are refused with Twilio's and Expo's
    errors. Expo's receipts are there at once; ``ExponentPushToken[ReceiptDeviceNotRegistered]``
    gets a receipt with an error, and ``ExponentPushToken[ReceiptNever]`` none. Push messages to
    browsers are taken, too, and not read; ``push_service.PushServiceStandIn`` reads them. A
    registration token for FCM such as ``UNREGISTERED-1`` is refused with FCM's error; ``INVALID-1``
    is no token.

    Args:
        port: The port; by default any free port.
        on_message: Called with each accepted message, in the thread of the message's request.
        host: The address to listen on; ``"::1"`` for IPv6.

    Attributes:
        received: The accepted messages, in order.
        requests: All requests, in order, including refused requests.
        answers: Prepared answers: a request takes the next answer, if any.
        on_request: Called with each request without a prepared answer, in the request's thread;
            returns an answer, or ``None`` for the usual answer.
        connections: Number of connections opened by clients.
        most_at_once: The highest number of requests in flight at the same time.
        access_tokens: Google's access tokens: how long they live, and ``revoke()``.
    """

    def __init__(
        self,
        port: int = 0,
        on_message: Callable[[ReceivedMessage], Any] | None = None,
        *,
        host: str = "127.0.0.1",
    ) -> None:
        self.host = host
        self.port = port
        self.on_message = on_message
        self.on_request: Callable[[ReceivedRequest], Answer | None] | None = None
        self.received: list[ReceivedMessage] = []
        self.requests: list[ReceivedRequest] = []
        self.answers: deque[Answer] = deque()
        self.connections = 0
        self.most_at_once = 0
        self.access_tokens = fcm_api.AccessTokens()
        self._limit: MessageLimit | None = None
        self._tokens: dict[str, str] = {}
        self._at_once = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """The value for ``base_url``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def service_account(self) -> dict[str, str]:
        """Return the ``credentials`` of the target ``fcm``, with a key made for this process."""
        return fcm_api.service_account(self.url)

    def apprise_url(self, name: str = "ops") -> str:
        """Return a URL for the target ``apprise``: for ``urls``, where ``schemas`` names ``json``.

        Args:
            name: The name of the service; letters, digits and ``-``.
        """
        return f"json{self.url.removeprefix('http')}/apprise/{name}"

    def start(self) -> None:
        """Listen.

        Raises:
            OSError: When the port is taken.
        """
        self._stopped.clear()
        self._server = _Server(self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening, cut short the delay of answers, and answer no further request.

        A request that has come is answered; kept connections are closed.
        """
        self._stopped.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def limit_messages(self, number: int, seconds: float) -> None:
        """Accept a number of messages in a span of time, and answer 429 to further messages.

        The answer gives the remaining whole seconds (``Retry-After``), as Twilio's and Expo's do.

        Args:
            number: The most messages in a span.
            seconds: The span's length, in seconds; a span begins with its first message.
        """
        self._limit = MessageLimit(number, seconds)

    def respond(self, request: ReceivedRequest) -> Answer:
        """Return the answer to a request, and keep the request and its messages.

        Args:
            request: The request.
        """
        with self._lock:
            self.requests.append(request)
            prepared = self.answers.popleft() if self.answers else None
        if prepared is None and self.on_request is not None:
            prepared = self.on_request(request)
        if prepared is not None:
            self._stopped.wait(prepared.delay)
            if prepared.close or prepared.status is not None:
                return prepared
        answer, messages = self.usual_answer(request)
        if self._limit is not None and messages:
            wait = self._limit.seconds_to_wait(len(messages))
            if wait:
                retry_after = {"Retry-After": str(math.ceil(wait))}
                return Answer(status=429, json=TOO_MANY_REQUESTS, headers=retry_after)
        with self._lock:
            self._keep(messages)
        if self.on_message is not None:
            for message in messages:
                self.on_message(message)
        return answer

    def usual_answer(self, request: ReceivedRequest) -> tuple[Answer, list[ReceivedMessage]]:
        """Return the answer to a request without a prepared answer, and the messages taken.

        The stand-in of another provider overrides this method alone: server, prepared answers,
        limits and the lists of requests and messages come from here. Called in the request's
        thread; ``respond()`` keeps the messages, unless a limit refuses them.

        Args:
            request: The request; the stand-in's list of requests has it already.
        """
        path, _, _ = request.path.partition("?")
        if twilio := TWILIO_PATH.search(path):
            return twilio_api.respond(twilio[1], request)
        if EXPO_PATH.search(path):
            return expo_api.respond(request)
        if EXPO_RECEIPTS_PATH.search(path):
            with self._lock:
                tokens = dict(self._tokens)
            return expo_api.respond_with_receipts(request, tokens), []
        if request.headers.get("content-encoding") == WEB_PUSH_ENCODING:
            return _take_unread(request)
        if fcm := FCM_PATH.search(path):
            return fcm_api.respond(fcm[1], request, self.access_tokens)
        if apprise := APPRISE_PATH.search(path):
            return apprise_api.respond(apprise[1], request)
        if GOOGLE_TOKEN_PATH.search(path):
            return fcm_api.respond_with_token(request, self.access_tokens), []
        return Answer(status=404, text="<html><h1>Not Found</h1></html>"), []

    def _keep(self, messages: Sequence[ReceivedMessage]) -> None:
        """Keep messages that were accepted and not refused by a limit; called with the lock."""
        self.received.extend(messages)
        self._tokens |= {message.message_id: message.to for message in messages}

    def connected(self) -> None:
        """Count a connection."""
        with self._lock:
            self.connections += 1

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a request during its answer."""
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1


def _take_unread(request: ReceivedRequest) -> tuple[Answer, list[ReceivedMessage]]:
    """Take a message for a browser, which the browser alone could read."""
    message = ReceivedMessage(
        provider="webpush",
        message_id=uuid.uuid4().hex,
        to=request.headers.get("host", ""),
        title="",
        body=f"{len(request.body)} bytes, encrypted for the browser",
        fields={},
    )
    return Answer(status=201, text=""), [message]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, stand_in: ProviderStandIn) -> None:
        self.stand_in = stand_in
        self.is_closed = False
        self._kept: set[socket.socket] = set()
        self._kept_lock = threading.Lock()
        if ":" in stand_in.host:
            self.address_family = socket.AF_INET6
        super().__init__((stand_in.host, stand_in.port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's method looks up the host's name, for seconds where the network is broken.
        socketserver.TCPServer.server_bind(self)

    def server_close(self) -> None:
        # A process that another thread is just starting still has a copy of the socket: closing
        # alone would leave the port taken.
        with suppress(OSError):  # not all systems let a listening socket be shut down
            self.socket.shutdown(socket.SHUT_RDWR)
        super().server_close()
        self.is_closed = True
        with self._kept_lock:
            for kept in self._kept:
                with suppress(OSError):  # the client was quicker
                    # Of the plain class: TLS would be given up under an answer.
                    socket.socket.shutdown(kept, socket.SHUT_RD)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._kept_lock:
            self._kept.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._kept_lock:
            self._kept.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.stand_in.connected()

    def parse_request(self) -> bool:
        if self.server.is_closed:  # came on a kept connection
            self.close_connection = True
            return False
        return super().parse_request()

    def do_POST(self) -> None:
        with self.server.stand_in.in_flight():
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = self.server.stand_in.respond(ReceivedRequest(self.path, headers, body))
        if answer.close:
            self.close_connection = True
            return
        self._send(answer)

    def do_GET(self) -> None:
        self._send(Answer(status=405, text="This stand-in takes only what is posted.\n"))

    def _send(self, answer: Answer) -> None:
        content = answer.content
        self.send_response(answer.status or 200)
        kind = "application/json" if answer.text is None else "text/html"
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Keep quiet: pass ``on_message`` to see messages."""
