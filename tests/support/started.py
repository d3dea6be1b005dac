"""When a program that was started is at work: what Linux knows of the process.

Elsewhere, where nothing tells, the functions wait for some seconds.
"""

import os
import re
import signal
import time
from pathlib import Path

IS_LINUX = Path("/proc/self/status").exists()
#: In /proc/net/tcp: a socket that listens.
LISTEN = "0A"
#: Longer than any start of a program on a quiet machine.
START_SECONDS = 3


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
