"""An HTTP server that refuses every request, and quotes the request and more in its answer."""

import gzip
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .wire import Provider

#: Refusals of a message, of a project, for now; and an answer without sense.
STATUSES = (400, 401, 403, 404, 413, 422, 429, 500, 503, 200)


@contextmanager
def quoting_provider(quote: str, status: int) -> Iterator[Provider]:
    """Run a server on a local port that refuses every request.

    The answer is JSON, with the quotation under the usual names for an error's text.

    Args:
        quote: The text to quote beside the request.
        status: The HTTP status of every answer.
    """
    with _Server(quote, status) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield Provider(port=server.server_address[1], received=list)
        finally:
            server.shutdown()  # the thread would ask the closed socket without end


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, quote: str, status: int) -> None:
        self.quote = quote
        self.status = status
        super().__init__(("127.0.0.1", 0), _Handler)

    def answer(self, request: str) -> bytes:
        """Return the answer's body."""
        said = f"{self.quote} {request}"
        names = ("message", "error", "detail", "description")
        errors = [{"code": "REFUSED", "message": said}]
        answer = {"code": self.status, "status": self.status, "errors": errors}
        return json.dumps({**answer, **dict.fromkeys(names, said)}).encode()

    def server_bind(self) -> None:
        # HTTPServer's own method looks the host's name up, for seconds where no network is there.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        head = " ".join(f"{name}: {value}" for name, value in self.headers.items())
        request = f"{self.command} {self.path} {head} {body.decode(errors='replace')}"
        answer = self.server.answer(request)
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_PATCH = do_POST  # noqa: N815 # the base class's names

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""
