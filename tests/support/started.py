"""Python programs that are started, and when they are at work: what Linux knows of the process.

Elsewhere, where nothing tells, the functions wait for some seconds.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

IS_LINUX = Path("/proc/self/status").exists()
#: In /proc/net/tcp: a socket that listens.
LISTEN = "0A"
#: Longer than any start of a program on a quiet machine.
START_SECONDS = 3


def start(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdin: int = subprocess.DEVNULL,
    stdout: int,
    stderr: int = subprocess.STDOUT,
    leads_session: bool = False,
) -> "subprocess.Popen[bytes]":
    """Start Python itself, as ``forked.start`` forks it."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=leads_session,
    )


def heeds_sigterm(pid: int) -> bool:
    """Return whether a process has a handler for SIGTERM, which Python has not by itself."""
    if not IS_LINUX:
        return _after_some_seconds()
    status = Path(f"/proc/{pid}/status").read_text()
    [caught] = re.findall(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def listens(pid: int) -> bool:
    """Return whether a process has a socket that listens."""
    if not IS_LINUX:
        return _after_some_seconds()
    files = map(_target_of, Path(f"/proc/{pid}/fd").iterdir())
    own = {match[1] for file in files if (match := re.fullmatch(r"socket:\[(\d+)\]", file))}
    rows = (row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(row[3] == LISTEN and row[9] in own for row in rows)


def _target_of(link: Path) -> str:
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""  # the process has closed the file meanwhile


def _after_some_seconds() -> bool:
    time.sleep(START_SECONDS)
    return True
