"""How many mails a second the backend with PIPELINING sends, against plain smtplib.

    python -m benchmarks.smtp_pipelining [--messages 100] [--delays 0 5 50] [--rounds 3]

Both send ready-made bytes over kept connections to a sink, a separate process, that advertises
PIPELINING. The sink waits before writing answers, like a server so far away: once for commands that
came together. Plain smtplib and the backend take turns; the table shows medians.
"""

import argparse
import asyncio
import smtplib
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django_notification_system.contrib.smtp import PipeliningSMTP

CONNECTIONS = (1, 4)
#: A message with 2 KB of HTML and its text.
MESSAGE = b"Subject: Breakfast\r\n\r\n" + b"<p>The eggs are ready, benedict.</p>\r\n" * 80


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=100, help="in each run, of a connection")
    parser.add_argument("--delays", type=float, nargs="+", default=[0, 5, 50], help="milliseconds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sink", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sink is not None:
        asyncio.run(serve(options.sink / 1000))
        return
    print("delay    connections   smtplib/s      ours/s    ratio")
    for delay in options.delays:
        with sink(delay) as port:
            for connections in CONNECTIONS:
                plain, ours = compare(port, connections, options.messages, options.rounds)
                print(
                    f"{delay:3g} ms {connections:14} {plain:11.1f} {ours:11.1f} {ours / plain:8.2f}"
                )


def compare(port: int, connections: int, messages: int, rounds: int) -> tuple[float, float]:
    """Return the medians, plain and ours, in messages a second."""
    rates: dict[type[smtplib.SMTP], list[float]] = {smtplib.SMTP: [], PipeliningSMTP: []}
    for _ in range(rounds):
        for kind, measured in rates.items():
            measured.append(rate(kind, port, connections, messages))
    plain, ours = (statistics.median(measured) for measured in rates.values())
    return plain, ours


def rate(kind: type[smtplib.SMTP], port: int, connections: int, messages: int) -> float:
    with ExitStack() as stack:
        clients = [
            stack.enter_context(kind("127.0.0.1", port, local_hostname="benchmark", timeout=60))
            for _ in range(connections)
        ]
        for client in clients:
            client.ehlo()
        threads = [
            threading.Thread(target=send, args=(client, messages), daemon=True)
            for client in clients
        ]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return connections * messages / (time.perf_counter() - started)


def send(client: smtplib.SMTP, messages: int) -> None:
    for number in range(messages):
        client.sendmail("spam@example.com", [f"eggs{number}@example.com"], MESSAGE)


@contextmanager
def sink(delay: float) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.smtp_pipelining", "--sink", str(delay)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


async def serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Sink(asyncio.Protocol):
    """Takes every mail, and answers commands that came together in one write, after the delay."""

    answers = {
        b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n",
        b"DATA": b"354 Go on\r\n",
        b"QUIT": b"221 Bye\r\n",
    }

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.buffer = b""
        self.in_message = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if answer := b"".join(self.answer()):
            loop = asyncio.get_running_loop()
            loop.call_later(self.delay, self.transport.write, answer)

    def answer(self) -> Iterator[bytes]:
        while True:
            end = b"\r\n.\r\n" if self.in_message else b"\r\n"
            taken, found, rest = self.buffer.partition(end)
            if not found:
                return
            self.buffer = rest
            command = taken[:4].upper()
            if self.in_message:
                self.in_message = False
                yield b"250 Taken\r\n"
                continue
            self.in_message = command == b"DATA"
            yield self.answers.get(command, b"250 OK\r\n")


if __name__ == "__main__":
    main()
