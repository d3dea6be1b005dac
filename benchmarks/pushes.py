"""How many push messages a second go out, against one connection: to browsers, or through Firebase.

    python -m benchmarks.pushes webpush [--messages 1000] [--delay 50] [--connections 20]
    python -m benchmarks.pushes fcm [--messages 1000] [--delay 50] [--connections 32]

Each message to a browser is encrypted for the browser. The sink, a separate process, takes a
message after the delay, like a push service so far away, and gives Google's access tokens at once.
The rate of one connection is measured with a twentieth of the messages. The machine's load, before
and after, is printed beside the rates: another's work lowers the rate of many connections alone.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django

BODY = "Breakfast is ready. Come while it is hot. " * 5


class WebPush:
    """Messages to browsers, each of its own."""

    connections = 20

    def settings(self, url: str) -> dict[str, Any]:
        from django_notification_system.notification_handlers.webpush.vapid import make_private_key

        return {
            "stand_in_url": url,
            "vapid_private_key": make_private_key(),
            "subject": "mailto:benchmark@example.com",
        }

    def record(self, number: int) -> dict[str, Any]:
        from django_notification_system.testing.push_service import Browser

        browser = Browser()
        return {"target_user_id": browser.address, "details": browser.details}


class Fcm:
    """Messages to devices."""

    connections = 32

    def settings(self, url: str) -> dict[str, Any]:
        from django_notification_system.testing.fcm_api import service_account

        return {"base_url": url, "credentials": service_account(url)}

    def record(self, number: int) -> dict[str, Any]:
        return {"target_user_id": f"device-{number}:APA91b"}


TARGETS = {"webpush": WebPush(), "fcm": Fcm()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--delay", type=float, default=50, help="milliseconds")
    parser.add_argument("--connections", type=int)
    parser.add_argument("--sink", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sink is not None:
        asyncio.run(serve(options.sink / 1000))
        return
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    connections = options.connections or TARGETS[options.target].connections
    before = os.getloadavg()[0]
    with sink(options.target, options.delay) as port:
        one = rate(options.target, port, 1, max(1, options.messages // 20))
        many = rate(options.target, port, connections, options.messages)
    print(f"one connection:  {one:8.1f}/s")
    print(f"{connections:3} connections: {many:8.1f}/s, {many / one:.1f} times as many")
    print(f"load of the machine: {before:.1f} before, {os.getloadavg()[0]:.1f} after")


def rate(name: str, port: int, connections: int, messages: int) -> float:
    from django.test.utils import override_settings

    from django_notification_system.delivery.handlers.find import find_handler

    target = TARGETS[name]
    values = {**target.settings(f"http://127.0.0.1:{port}"), "connections": connections}
    notifications = [make_notification(name, number) for number in range(messages)]
    with override_settings(NOTIFICATION_SYSTEM_TARGETS={name: values}):
        deliver = find_handler(notifications[0].target_user_record.target).deliver
        started = time.perf_counter()
        kinds = [outcome.result.value for outcome in deliver(notifications)]
        seconds = time.perf_counter() - started
    assert kinds == ["delivered"] * messages
    return messages / seconds


def make_notification(name: str, number: int) -> Any:
    from django.contrib.auth import get_user_model

    from django_notification_system.models import (
        Notification,
        NotificationTarget,
        TargetUserRecord,
    )

    record = TargetUserRecord(
        user=get_user_model()(username="egg"),
        target=NotificationTarget(name=name, notification_module_name=name),
        **TARGETS[name].record(number),
    )
    return Notification(target_user_record=record, title="Breakfast", body=BODY)


@contextmanager
def sink(name: str, delay: float) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.pushes", name, "--sink", str(delay)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


async def serve(delay: float) -> None:
    token = answer({"access_token": "ya29.sink", "expires_in": 3599, "token_type": "Bearer"})
    # Each target reads its own part: the status and the header, or the body.
    taken = answer(
        {"name": "projects/breakfast-club/messages/1"}, "Location: https://e.com/m/1\r\n"
    )

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(length_in(head))
                is_message = not head.startswith(b"POST /token ")
                await asyncio.sleep(delay if is_message else 0)
                writer.write(taken if is_message else token)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def answer(content: dict[str, Any], headers: str = "") -> bytes:
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def length_in(head: bytes) -> int:
    [length] = [
        line.partition(b":")[2]
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    return int(length)


if __name__ == "__main__":
    main()
