"""Python programs that start with Django's own modules loaded, in a third of the processor's time.

A test of small projects starts dozens. Each is a process of its own, with its arguments,
environment, folder and streams, and loads the settings, the app and the project's modules itself.
The tests of the demo, of the wheel, of the README, of the tutorials and of typed pages start Python
itself, as a person does.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from tests.support.places import ROOT

#: Of Python's own variables, those that a forked process heeds.
HEEDED = {"PYTHONPATH", "PYTHONIOENCODING", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
_server: list[tuple["subprocess.Popen[bytes]", socket.socket]] = []


class Program:
    """A started program, with the methods of ``subprocess.Popen``.

    Args:
        arguments: The arguments after the interpreter's name: ``-c``, ``-m`` or a file first.
        folder: The working directory.
        environment: The whole environment.
        stdin: A file, or ``None`` for no input.
        stdout: A file, or ``None`` for the tests' own.
        stderr: A file; with ``None``, the text is kept for ``communicate()``.
        is_new_session: Whether the process leads a session of its own.

    Attributes:
        pid: The process's id.
        returncode: The exit status, or a signal's number with a minus; ``None`` before the end.
    """

    def __init__(
        self,
        arguments: Sequence[str | os.PathLike[str]],
        *,
        folder: Path,
        environment: Mapping[str, str],
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        is_new_session: bool = False,
    ) -> None:
        for name in environment:
            if name.startswith("PYTHON") and name not in HEEDED:
                assert environment[name] == os.environ.get(name), f"Python heeds {name} at a start."
        self.returncode: int | None = None
        self._told = b""
        self._errors: IO[bytes] | None = None
        self._written = ""
        if stderr is None:
            self._errors = TemporaryFile()  # noqa: SIM115 # closed at the end
            stderr = self._errors.fileno()
        with open(os.devnull) as nothing:
            streams = (
                nothing.fileno() if stdin is None else stdin,
                1 if stdout is None else stdout,
                stderr,
            )
            self._link, theirs = socket.socketpair()
            with theirs:
                socket.send_fds(_control(), [b"+"], [theirs.fileno(), *streams])
        request = {
            "arguments": [os.fspath(each) for each in arguments],
            "folder": str(folder),
            "environment": dict(environment),
            "is_new_session": is_new_session,
        }
        self._link.sendall(json.dumps(request).encode() + b"\n")
        self.pid = self._read()

    def poll(self) -> int | None:
        """Return the status, or ``None`` before the end."""
        try:
            return self.wait(timeout=0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the status."""
        if self.returncode is None:
            self._link.settimeout(timeout)
            try:
                self.returncode = self._read()
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from None
            self._link.close()
            if self._errors is not None:
                self._written = _text_of(self._errors)
                self._errors.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[None, str]:
        """Wait for the end, and return what the program wrote to the standard error."""
        self.wait(timeout)
        return None, self._written

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the program has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the program, whatever it does."""
        self.send_signal(signal.SIGKILL)

    def _read(self) -> int:
        """Read a number that the server tells."""
        while b"\n" not in self._told:
            more = self._link.recv(32)
            assert more, "The server of the forked processes has ended."
            self._told += more
        number, _, self._told = self._told.partition(b"\n")
        return int(number)


def run(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    folder: Path,
    environment: Mapping[str, str],
    is_in_one: bool = False,
    timeout: float = 300,
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end.

    Args:
        arguments: The arguments after the interpreter's name.
        folder: The working directory.
        environment: The whole environment.
        is_in_one: Whether the output has the errors, in the order of writing.
        timeout: Seconds; then the program is killed.

    Raises:
        subprocess.TimeoutExpired: The program goes on after the timeout.
    """
    with TemporaryFile() as output, TemporaryFile() as errors:
        program = Program(
            arguments,
            folder=folder,
            environment=environment,
            stdout=output.fileno(),
            stderr=(output if is_in_one else errors).fileno(),
        )
        try:
            status = program.wait(timeout)
        except BaseException:
            program.kill()
            raise
        return subprocess.CompletedProcess([*arguments], status, _text_of(output), _text_of(errors))


def _text_of(file: IO[bytes]) -> str:
    """Read a file, and leave the place alone where the program writes next."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode()


def _control() -> socket.socket:
    """Return the socket of the server, started at the first call."""
    if not _server:
        ours, theirs = socket.socketpair()
        environment: dict[str, Any] = {
            name: text
            for name, text in os.environ.items()
            if name not in HEEDED and not name.startswith("DJANGO")
        }
        with theirs:
            program = subprocess.Popen(
                [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())],
                cwd=ROOT,
                env={**environment, "PYTHONIOENCODING": "utf-8"},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        _server.append((program, ours))
        atexit.register(_end)
    return _server[0][1]


def _end() -> None:
    """End the server, after the last test."""
    while _server:
        program, control = _server.pop()
        control.close()
        program.wait()
