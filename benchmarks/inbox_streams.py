"""Open streams of the inbox in one process: memory, time to see an item, and how they end.

    python -m benchmarks.inbox_streams [--number 1000] [--database postgresql]

A project with an inbox runs under uvicorn in one process, and so many readers open
``inbox/stream/``. Then each gets an item, all in one commit, and a single reader gets some, one
after the other. The clock runs from the answer to the commit until the client has the event. At the
end a tenth of the clients leave, a tenth are deactivated, and the server is told to stop.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.places import ROOT, TESTS
from tests.support.ports import HOST, free_port
from tests.support.scratch_databases import scratch_database

PROJECT = TESTS / "support" / "projects" / "inbox"
FILL = """
import django, json, sys
django.setup()
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
call_command("migrate", verbosity=0)
User = get_user_model()
keys = []
for number in range(int(sys.argv[1])):
    user = User.objects.create(username=f"reader {number}", password="!")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    keys.append(session.session_key)
print(json.dumps(keys))
"""
#: Adds an item for every reader, or for one; prints when the commit was answered.
PUT = """
import django, sys, time
django.setup()
from django.contrib.auth import get_user_model
from django.db import transaction
from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem
users = list(get_user_model().objects.order_by("pk"))
for line in sys.stdin:
    few = users if line.strip() == "all" else users[:1]
    with transaction.atomic():
        event = InboxEvent.objects.create(title="An item", body="With some words in it.")
        InboxItem.objects.bulk_create([InboxItem(user=user, event=event) for user in few])
    print(time.time(), flush=True)
"""
DEACTIVATE = """
import django, sys
django.setup()
from django.contrib.auth import get_user_model
User = get_user_model()
User.objects.filter(pk__in=User.objects.order_by("pk")[: int(sys.argv[1])]).update(is_active=False)
"""


class Client:
    """A reader's open stream."""

    def __init__(self) -> None:
        self.seen: asyncio.Queue[float] = asyncio.Queue()
        self.is_welcomed = asyncio.Event()
        self.ended_at = 0.0

    async def open(self, port: int, key: str) -> None:
        self.reader, self.writer = await asyncio.open_connection(HOST, port)
        request = f"GET /inbox/stream/ HTTP/1.1\r\nHost: {HOST}\r\nCookie: sessionid={key}\r\n\r\n"
        self.writer.write(request.encode())
        status = await self.reader.readline()
        if b" 200 " not in status:
            sys.exit(f"The stream answers {status!r}.")
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while line := await self.reader.readline():
            if line == b"event: item\n":
                self.seen.put_nowait(time.time())
            elif line == b"event: unread\n":
                self.is_welcomed.set()
        self.ended_at = time.time()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--database", default="postgresql")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        scratch_database(options.database, Path(folder)) as database,
    ):
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "settings",
            "PYTHONPATH": str(ROOT),
            "PROJECT_DATABASES": json.dumps({"default": database}),
            "PROJECT_OPTIONS": json.dumps({"SSE_CONNECTIONS": options.number}),
        }
        keys = json.loads(run(environment, "-c", FILL, str(options.number)))
        with server(environment) as (process, port), started(environment, "-c", PUT) as put:
            asyncio.run(measure(process, port, keys, put, environment))


def run(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=PROJECT, env=environment, check=True, capture_output=True)
    return done.stdout.decode()


@contextmanager
def started(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def server(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    arguments = ("-m", "uvicorn", "asgi:application", "--log-level", "error", "--port", str(port))
    with started(environment, *arguments) as process:
        yield process, port


async def measure(
    process: subprocess.Popen[str],
    port: int,
    keys: list[str],
    put: subprocess.Popen[str],
    environment: dict[str, str],
) -> None:
    await answering(port)
    # The first request loads what every process has.
    first = Client()
    await first.open(port, keys[0])
    await first.is_welcomed.wait()
    before = figures(process.pid)
    clients = [first]
    began = time.time()
    for key in keys[1:]:
        client = Client()
        await client.open(port, key)
        clients.append(client)
    await asyncio.gather(*(client.is_welcomed.wait() for client in clients))
    after = figures(process.pid)
    per_stream = (after["VmRSS"] - before["VmRSS"]) / max(1, len(clients) - 1)
    say("streams", f"{len(clients)}, opened in {time.time() - began:.1f} s")
    say("memory", f"{before['VmRSS'] / 1024:.0f} MiB > {after['VmRSS'] / 1024:.0f} MiB")
    say("memory a stream", f"{per_stream:.1f} KiB")
    say("threads", f"{after['Threads']:.0f}")
    say("connections", f"{await connections(port)}")

    waits = []
    for _ in range(20):
        waits.append(await wait_of(put, "one", clients[:1]))
    say("one item", spread([wait for [wait] in waits]))
    say("an item for all", spread(await wait_of(put, "all", clients)))
    ticks = figures(process.pid)["ticks"]
    await asyncio.sleep(10)
    used = (figures(process.pid)["ticks"] - ticks) / os.sysconf("SC_CLK_TCK")
    say("processor at rest", f"{used * 10:.0f} % of one")

    tenth = len(clients) // 10
    gone, deactivated, rest = clients[-tenth:], clients[:tenth], clients[tenth:-tenth]
    for client in gone:
        client.writer.close()
    moment = time.time()
    await asyncio.to_thread(run, environment, "-c", DEACTIVATE, str(tenth))
    await asyncio.gather(*(client.task for client in deactivated))
    say("deactivated, ended", spread([client.ended_at - moment for client in deactivated]))
    # A stream for each that has left: else the answer is 503.
    for key in keys[-tenth:]:
        client = Client()
        await client.open(port, key)
        rest.append(client)
    say("clients that left", f"{tenth}, and as many new ones were let in")
    moment = time.time()
    process.send_signal(signal.SIGTERM)
    await asyncio.gather(*(client.task for client in rest))
    say("stopped, ended", spread([client.ended_at - moment for client in rest]))
    await asyncio.to_thread(process.wait, 60)
    say("server gone", f"{time.time() - moment:.1f} s after SIGTERM, status {process.returncode}")


async def wait_of(put: subprocess.Popen[str], who: str, clients: list[Client]) -> list[float]:
    """Add items, and return the seconds after which each client has seen its own."""
    assert put.stdin is not None
    assert put.stdout is not None
    put.stdin.write(f"{who}\n")
    put.stdin.flush()
    committed = float(await asyncio.to_thread(put.stdout.readline))
    return [await client.seen.get() - committed for client in clients]


async def answering(port: int) -> None:
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    sys.exit("The server does not start.")


async def connections(port: int) -> int:
    """Return the connections to a PostgreSQL database; 0 elsewhere. Those of two are of others."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(f"GET /held/ HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    return int(json.loads(answer[answer.index("{") : answer.rindex("}") + 1])["connections"])


def figures(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    values = {name: value.split()[0] for name, value in (line.split(":\t", 1) for line in lines)
              if value.split()}  # fmt: skip
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(stat[11]) + int(stat[12])
    return {"VmRSS": float(values["VmRSS"]), "Threads": float(values["Threads"]), "ticks": ticks}


def spread(seconds: list[float]) -> str:
    return (
        f"median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s"
        f" ({len(seconds)} times)"
    )


def say(name: str, value: str) -> None:
    print(f"{name:20} {value}", flush=True)


if __name__ == "__main__":
    main()
