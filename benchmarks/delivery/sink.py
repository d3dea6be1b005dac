"""Servers that take everything and do next to nothing, in a separate process.

An SMTP server, and an HTTP server that answers like Twilio and like Expo. Both parse only enough to
find a message's end. A third port shows the counts, and sets the answers' delay.
"""

import asyncio
import functools
import json
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOST = "127.0.0.1"
END_OF_LINE = b"\r\n"
END_OF_MESSAGE = b"\r\n.\r\n"
END_OF_HEADERS = b"\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
GZIP = re.compile(rb"\r\ncontent-encoding: *gzip", re.IGNORECASE)
ANSWERS = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}
SMS_TAKEN = json.dumps(
    {"sid": "SM" + "0" * 32, "status": "queued", "account_sid": "AC" + "0" * 32, "body": ""}
).encode()


class Tally:
    """The sinks' counts since the last reset."""

    def __init__(self) -> None:
        self.reset(0.0)

    open = 0
    #: Requests whose answers are on their way.
    at_work = 0

    def reset(self, delay: float, most_connections: int = 0) -> None:
        self.delay = delay
        self.most_connections = most_connections
        self.refused = 0
        self.messages = 0
        self.connections = 0
        self.first_at = 0.0
        self.last_at = 0.0

    def count(self, messages: int) -> None:
        self.last_at = time.monotonic()
        self.first_at = self.first_at or self.last_at
        self.messages += messages

    def as_json(self) -> bytes:
        return json.dumps({**vars(self), "busy": time.process_time()}).encode()


class Session(asyncio.Protocol):
    """A connection: every answer is late by the delay, from its own question on."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.tally.connections += 1

    def reply(self, answer: bytes) -> None:
        if self.tally.delay:
            loop = asyncio.get_running_loop()
            loop.call_later(self.tally.delay, self.transport.write, answer)
        else:
            self.transport.write(answer)


class SmtpSession(Session):
    in_message = False
    #: No message ends before this place.
    searched = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.tally.open += 1
        if 0 < self.tally.most_connections < self.tally.open:
            self.tally.refused += 1
            self.transport.write(b"421 4.7.0 too many connections\r\n")
            self.transport.close()
        else:
            self.reply(b"220 sink\r\n")

    def connection_lost(self, error: Exception | None) -> None:
        self.tally.open -= 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        answers = bytearray()
        while (answer := self.next_answer()) is not None:
            answers += answer
        if answers:
            self.reply(bytes(answers))

    def next_answer(self) -> bytes | None:
        buffer = self.buffer
        if self.in_message:
            end = buffer.find(END_OF_MESSAGE, max(0, self.searched - len(END_OF_MESSAGE)))
            if end < 0:
                self.searched = len(buffer)
                return None
            del buffer[: end + len(END_OF_MESSAGE)]
            self.in_message = False
            self.tally.count(1)
            return b"250 ok\r\n"
        end = buffer.find(END_OF_LINE)
        if end < 0:
            return None
        verb = bytes(buffer[:4]).upper()
        del buffer[: end + len(END_OF_LINE)]
        if verb == b"DATA":
            self.in_message = True
            self.searched = 0
        return ANSWERS.get(verb, b"250 ok\r\n")


class HttpSession(Session):
    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (answer := self.next_answer()) is not None:
            self.reply(answer)

    def reply(self, answer: bytes) -> None:
        if answer == TOO_MANY_REQUESTS:
            self.tally.refused += 1
            self.transport.write(answer)
            return
        if not self.tally.delay:
            self.transport.write(answer)
            return
        self.tally.at_work += 1
        asyncio.get_running_loop().call_later(self.tally.delay, self.reply_now, answer)

    def reply_now(self, answer: bytes) -> None:
        self.tally.at_work -= 1
        self.transport.write(answer)

    def next_answer(self) -> bytes | None:
        buffer = self.buffer
        end = buffer.find(END_OF_HEADERS)
        if end < 0:
            return None
        head = bytes(buffer[:end])
        start = end + len(END_OF_HEADERS)
        length = CONTENT_LENGTH.search(head)
        stop = start + (int(length[1]) if length else 0)
        if len(buffer) < stop:
            return None
        body = bytes(buffer[start:stop])
        del buffer[:stop]
        if 0 < self.tally.most_connections <= self.tally.at_work:
            return TOO_MANY_REQUESTS
        if b"/push/send" not in head[: head.find(END_OF_LINE)]:
            self.tally.count(1)
            return http_answer(b"201 Created", SMS_TAKEN)
        if GZIP.search(head):
            body = zlib.decompress(body, wbits=31)
        messages = body.count(b'"to":')
        self.tally.count(messages)
        return tickets(messages)


class ControlSession(Session):
    """``reset SECONDS [MOST]``: answer so late, take MOST connections, count anew; else show."""

    def data_received(self, data: bytes) -> None:
        verb, *arguments = data.split()
        if verb == b"reset":
            self.tally.reset(float(arguments[0]), *map(int, arguments[1:]))
        self.transport.write(self.tally.as_json() + b"\n")


def http_answer(status: bytes, body: bytes) -> bytes:
    return (b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b") % (
        status,
        len(body),
        body,
    )


TOO_MANY_REQUESTS = http_answer(
    b"429 Too Many Requests\r\nRetry-After: 1", b'{"code": 20429, "message": "Too Many Requests"}'
)


@functools.cache
def tickets(messages: int) -> bytes:
    ticket = {"status": "ok", "id": "00000000-0000-0000-0000-000000000000"}
    return http_answer(b"200 OK", json.dumps({"data": [ticket] * messages}).encode())


async def serve() -> None:
    """Listen on three free ports, print them, and go on until killed."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    ports = []
    for session in (SmtpSession, HttpSession, ControlSession):
        its_tally = functools.partial(session, tally)
        server = await loop.create_server(its_tally, HOST, 0, backlog=1000)
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


@contextmanager
def running_sink() -> Iterator[tuple[int, int, int]]:
    """Start the sinks, yield the ports of SMTP, HTTP and control, and stop them."""
    with subprocess.Popen([sys.executable, Path(__file__)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            smtp, http, control = json.loads(process.stdout.readline())
            yield smtp, http, control
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(serve())
