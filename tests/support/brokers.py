"""The message brokers for the tests, and brokers that tests may kill."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.ports import free_port

HOST = "127.0.0.1"
URLS = {
    "redis": "redis://{host}:{port}/{database}".format(
        host=os.environ.get("TEST_REDIS_HOST", HOST),
        port=os.environ.get("TEST_REDIS_PORT", "6379"),
        database=os.environ.get("TEST_REDIS_DATABASE", "9"),
    ),
    "rabbitmq": "amqp://{user}:{password}@{host}:{port}//".format(
        user=os.environ.get("TEST_RABBITMQ_USER", "guest"),
        password=os.environ.get("TEST_RABBITMQ_PASSWORD", "guest"),
        host=os.environ.get("TEST_RABBITMQ_HOST", HOST),
        port=os.environ.get("TEST_RABBITMQ_PORT", "5672"),
    ),
}
#: Longer than the start of a RabbitMQ node on a busy machine.
STARTED_WITHIN_SECONDS = 60


def require(name: str) -> str:
    """Return the URL of a broker; without a broker, skip the test, or fail in CI."""
    from kombu import Connection

    url = URLS[name]
    try:
        with Connection(url, connect_timeout=2) as connection:
            connection.connect()
    except Exception as error:
        _missing(f"no {name} at {url}: {error}")
    return url


def _missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


class OwnBroker:
    """A broker that a test may kill and start again.

    Attributes:
        url: The broker's URL.
    """

    def __init__(
        self, url: str, port: int, command: list[str], environment: dict[str, str], folder: Path
    ) -> None:
        self.url = url
        self._port = port
        self._command = command
        self._environment = environment
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the broker, and wait until clients can connect."""
        from kombu import Connection

        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **self._environment},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + STARTED_WITHIN_SECONDS
        while True:
            assert self._process.poll() is None, (self._folder / "output").read_text()
            try:
                with Connection(self.url, connect_timeout=2) as connection:
                    connection.connect()
                return
            except Exception:
                assert time.monotonic() < deadline, (self._folder / "output").read_text()
                time.sleep(0.2)

    def kill(self) -> None:
        """Kill the broker, like a power cut."""
        if self._process is not None:
            with suppress(ProcessLookupError):  # the process has died by itself
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextmanager
def own_broker(name: str, folder: Path) -> Iterator[OwnBroker]:
    """Start a broker for the test alone; without its programs, skip the test, or fail in CI."""
    port = free_port()
    if name == "redis":
        program = shutil.which("redis-server")
        # Nothing is kept on disk: a killed broker loses its messages.
        arguments = ["--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]
        broker = f"redis://{HOST}:{port}/0"
        environment: dict[str, str] = {}
    else:
        # Not Debian's wrapper: it would become another user, without access to the folder.
        program = next(
            (str(file) for file in sorted(Path("/usr/lib/rabbitmq").glob("bin/rabbitmq-server"))),
            shutil.which("rabbitmq-server"),
        )
        arguments = []
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.default = {HOST}:{port}\n")
        broker = f"amqp://guest:guest@{HOST}:{port}//"
        environment = {
            "HOME": str(folder),  # for Erlang's cookie
            "RABBITMQ_NODENAME": f"test{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        }
    if program is None:
        _missing(f"no program {name}-server")
        raise AssertionError
    made = OwnBroker(broker, port, [program, *arguments], environment, folder)
    try:
        made.start()
        yield made
    finally:
        made.kill()
