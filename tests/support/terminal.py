"""A program on a pseudo-terminal, with input line by line."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support import forked, started

#: How many seconds to wait for an answer.
PATIENCE = 60


class Terminal:
    """A person's end of the terminal.

    Attributes:
        shown: The text shown so far, typed text included.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._seen = 0
        self.shown = ""

    def paste(self, text: str) -> None:
        """Type a text at once, and a line end after the text."""
        os.write(self._descriptor, f"{text.rstrip()}\n".encode())

    def wait_for(self, text: str) -> None:
        """Wait until a text is shown after the last awaited text.

        Raises:
            AssertionError: When the text is not shown in time.
        """
        deadline = time.monotonic() + PATIENCE
        while (place := self.shown.find(text, self._seen)) < 0:
            assert self._read(deadline), f"{text!r} is not shown:\n{self.shown}"
        self._seen = place + len(text)

    def wait_for_end(self) -> None:
        """Read until the program has closed its end."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass

    def _read(self, deadline: float) -> bool:
        """Read the text shown; return whether more may come."""
        ready, _, _ = select.select([self._descriptor], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            return False
        try:
            read = os.read(self._descriptor, 65_536)
        except OSError:  # Linux says so where the other end is closed
            return False
        self.shown += read.decode(errors="replace").replace("\r", "")
        return bool(read)


@contextmanager
def on_terminal(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    start: Callable[..., forked.Process | subprocess.Popen[bytes]] = started.start,
) -> Iterator[Terminal]:
    """Run a Python program on a terminal, until the end of the block.

    Args:
        arguments: The arguments after the interpreter's name.
        folder: The working directory.
        environment: The whole environment, but for the kind of terminal.
        start: Starts the program: ``started.start`` or ``forked.start``.
    """
    ours, theirs = pty.openpty()
    program = start(
        arguments,
        folder=folder,
        environment={**environment, "TERM": "dumb"},  # no colours, no moving cursor
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        leads_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(ours)
    finally:
        program.kill()
        program.wait()
        os.close(ours)
