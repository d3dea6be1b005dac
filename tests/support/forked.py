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
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from tests.support.places import ROOT

#: Of Python's own variables, those that a forked process heeds.
HEEDED = {"PYTHONPATH", "PYTHONIOENCODING", "PYTHONDONTWRITEBYTECODE"}
_server: list[tuple["subprocess.Popen[bytes]", socket.socket]] = []


def run(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout: float = 300,
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, without input.

    Args:
        arguments: The arguments after the interpreter's name: ``-c``, ``-m`` or a file first.
        folder: The working directory.
        environment: The whole environment.
        timeout: Seconds; then the program is killed.

    Raises:
        subprocess.TimeoutExpired: The program has been killed. Its id is in the error's ``cmd``.
    """
    for name in environment:
        if name.startswith("PYTHON") and name not in HEEDED:
            assert environment[name] == os.environ.get(name), f"Python heeds {name} at a start."
    request = {
        "arguments": [os.fspath(each) for each in arguments],
        "folder": str(folder),
        "environment": dict(environment),
    }
    with TemporaryFile() as output, TemporaryFile() as errors:
        link = _ask(request, output.fileno(), errors.fileno())
        with link, link.makefile() as told:
            pid = _number(told)
            link.settimeout(timeout)
            try:
                status = _number(told)
            except BaseException as error:
                with suppress(ProcessLookupError):  # it has ended meanwhile
                    os.kill(pid, signal.SIGKILL)
                if isinstance(error, TimeoutError):
                    raise subprocess.TimeoutExpired(str(pid), timeout) from None
                raise
        return subprocess.CompletedProcess([*arguments], status, _text_of(output), _text_of(errors))


def _ask(request: dict[str, Any], output: int, errors: int) -> socket.socket:
    """Ask the server for a process; return the socket that tells its id and its status."""
    ours, theirs = socket.socketpair()
    with open(os.devnull) as nothing, theirs:
        descriptors = [theirs.fileno(), nothing.fileno(), output, errors]
        socket.send_fds(_control(), [b"+"], descriptors)
    ours.sendall(json.dumps(request).encode() + b"\n")
    return ours


def _number(told: IO[str]) -> int:
    line = told.readline()
    assert line, "The server of the forked processes has ended."
    return int(line)


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


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
