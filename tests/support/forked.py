"""Python programs that start with Django's own modules loaded, in a third of the processor's time.

A test of small projects starts dozens. Each is a process of its own, with its arguments,
environment, folder and streams, and loads the settings, the app and the project's modules itself.
The first demo, the wheel, the lines of the README and the first tutorial start Python itself, as a
person does; so do typed pages at night.

A program with ``loaded`` has its project's apps from the start, and takes a tenth of the time: for
tests of what several processes do to each other, and not of how a process starts.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from tests.support.places import ROOT

#: Of Python's own variables, those that a forked process heeds.
HEEDED = {"PYTHONPATH", "PYTHONIOENCODING", "PYTHONDONTWRITEBYTECODE"}
#: By what they have loaded: the servers, and the sockets for requests.
_servers: dict[tuple[str, ...], tuple["subprocess.Popen[bytes]", socket.socket]] = {}


class Process:
    """A process that was forked; the methods are those of ``subprocess.Popen``."""

    def __init__(self, link: socket.socket, errors: IO[str] | None) -> None:
        self.stdout = None
        self.stderr = errors
        self.returncode: int | None = None
        self._told = link.makefile("rb", buffering=0)
        self._link = link
        self._errors = bytearray()
        self.pid = self._number()

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._link], [], [], 0)[0]:
            self.returncode = self._number()
            self._close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            select.select([self._link], [], [], timeout)
        if (status := self.poll()) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return status

    def communicate(self, timeout: float | None = None) -> tuple[None, str | None]:
        """Read standard error, where it is a pipe, to its end; wait for the process's end."""
        give_up_at = None if timeout is None else time.monotonic() + timeout

        def left() -> float | None:
            return None if give_up_at is None else max(give_up_at - time.monotonic(), 0)

        while self.stderr is not None and not self.stderr.closed:
            if not select.select([self.stderr], [], [], left())[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            if part := os.read(self.stderr.fileno(), 65_536):
                self._errors += part
            else:
                self.stderr.close()
        self.wait(left())
        return None, None if self.stderr is None else self._errors.decode()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _number(self) -> int:
        try:
            line = self._told.readline()
        except ConnectionResetError:
            line = b""
        if not line:
            self._close()
            raise AssertionError("The server of the forked processes has ended.")
        return int(line)

    def _close(self) -> None:
        self._told.close()
        self._link.close()


def run(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout: float = 300,
    loaded: Sequence[str] = (),
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, without input.

    Args:
        arguments: The arguments after the interpreter's name: ``-c``, ``-m`` or a file first.
        folder: The working directory.
        environment: The whole environment.
        timeout: Seconds; then the program is killed.
        loaded: See ``start``.

    Raises:
        subprocess.TimeoutExpired: The program has been killed. Its id is in the error's ``cmd``.
    """
    with TemporaryFile() as output, TemporaryFile() as errors:
        process = start(
            arguments,
            folder=folder,
            environment=environment,
            stdout=output.fileno(),
            stderr=errors.fileno(),
            loaded=loaded,
        )
        try:
            status = process.wait(timeout)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return subprocess.CompletedProcess([*arguments], status, _text_of(output), _text_of(errors))


def start(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdin: int = subprocess.DEVNULL,
    stdout: int = 1,
    stderr: int = subprocess.PIPE,
    leads_session: bool = False,
    loaded: Sequence[str] = (),
) -> Process:
    """Start a program.

    Args:
        arguments: The arguments after the interpreter's name: ``-c``, ``-m`` or a file first.
        folder: The working directory.
        environment: The whole environment.
        stdin: The descriptor of standard input; by default the input is empty.
        stdout: The descriptor of standard output.
        stderr: The descriptor of standard error, ``subprocess.PIPE``, or ``subprocess.STDOUT``.
        leads_session: Whether the program is the first of a session.
        loaded: The project's settings, and other modules, that are loaded before the program
            begins, once for all programs with the same; by default none. The program reads its
            settings anew: but for ``INSTALLED_APPS``, they may be different.
    """
    for name in environment:
        if name.startswith("PYTHON") and name not in HEEDED:
            assert environment[name] == os.environ.get(name), f"Python heeds {name} at a start."
    request = {
        "arguments": [os.fspath(each) for each in arguments],
        "folder": str(folder),
        "environment": dict(environment),
        "leads_session": leads_session,
    }
    if stderr != subprocess.PIPE:
        errors = stdout if stderr == subprocess.STDOUT else stderr
        return Process(_ask(request, (stdin, stdout, errors), tuple(loaded)), None)
    reader, writer = os.pipe()
    try:
        link = _ask(request, (stdin, stdout, writer), tuple(loaded))
        return Process(link, open(reader, encoding="utf-8"))
    finally:
        os.close(writer)


def _ask(
    request: dict[str, Any], streams: tuple[int, int, int], loaded: tuple[str, ...]
) -> socket.socket:
    """Ask a server for a process; return the socket that tells its id and its status."""
    control = _control(loaded, request["environment"], request["folder"])
    ours, theirs = socket.socketpair()
    with open(os.devnull) as nothing, theirs:
        own = [nothing.fileno() if each == subprocess.DEVNULL else each for each in streams]
        socket.send_fds(control, [b"+"], [theirs.fileno(), *own])
    ours.sendall(json.dumps(request).encode() + b"\n")
    return ours


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _control(loaded: tuple[str, ...], environment: Mapping[str, str], folder: str) -> socket.socket:
    """Return the socket of the server with these modules, started at the first call."""
    if loaded not in _servers:
        ours, theirs = socket.socketpair()
        own = {
            name: text
            for name, text in os.environ.items()
            if name not in HEEDED and not name.startswith("DJANGO")
        }
        if loaded:
            path = os.pathsep.join(filter(None, (folder, environment.get("PYTHONPATH"))))
            own |= {**environment, "DJANGO_SETTINGS_MODULE": loaded[0], "PYTHONPATH": path}
        with theirs:
            program = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.support.fork_server"),
                    *(str(theirs.fileno()), *loaded),
                ],
                cwd=ROOT,
                env={**own, "PYTHONIOENCODING": "utf-8"},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        if not _servers:
            atexit.register(_end)
        _servers[loaded] = program, ours
    return _servers[loaded][1]


def _end() -> None:
    """End the servers, after the last test."""
    while _servers:
        _, (program, control) = _servers.popitem()
        control.close()
        program.wait()
