"""A stream of a command's that may be lost while the work goes on: closed, full, or unread."""

import contextlib
import errno
import os
import sys
from collections.abc import Callable
from typing import Any

from django.core.management.base import OutputWrapper

#: The reader has gone, or the stream was closed. A full disk may have room again later.
GONE = frozenset({errno.EPIPE, errno.EBADF, errno.ESHUTDOWN, errno.ECONNRESET})


class Outlet:
    """Writes to a stream as long as that takes anything, and raises nothing.

    Args:
        stream: Django's wrapper around it.
        on_lost: Called once, with the reason, when the stream takes nothing.

    Attributes:
        is_gone: Whether the stream will never take anything again.
    """

    def __init__(
        self, stream: OutputWrapper, on_lost: Callable[[str], object] = lambda reason: None
    ) -> None:
        self.is_gone = False
        self._stream = stream
        self._on_lost = on_lost
        self._is_told = False

    @property
    def encoding(self) -> str | None:
        """The stream's encoding, where it has one."""
        return getattr(self._out, "encoding", None)

    def isatty(self) -> bool:
        """Tell whether a person looks on."""
        try:
            return self._stream.isatty()
        except ValueError:
            return False  # it is closed

    def write(self, text: str, style: Callable[[str], str] | None = None) -> None:
        """Write a text and a line break.

        Args:
            text: The text.
            style: Makes it look like something; by default the stream's own style.
        """
        self._try(lambda: self._stream.write(text, style_func=style))

    def flush(self) -> None:
        """Let whoever reads have all of it."""
        self._try(self._stream.flush)

    def end(self) -> None:
        """Flush, and let Python's own last flush have no error where this one has."""
        self.flush()
        if not self._is_told or self._out not in (sys.stdout, sys.stderr):
            return
        # What a stream still has in its buffer goes nowhere.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            number = self._out.fileno()
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, number)
            os.close(null)
            self._out.flush()

    @property
    def _out(self) -> Any:
        return getattr(self._stream, "_out", None)

    def _try(self, step: Callable[[], object]) -> None:
        if self.is_gone:
            return
        if self._out is None:  # Python has no stream where the process was started without
            self._lose("closed", for_good=True)
            return
        try:
            step()
        except OSError as error:
            self._lose(error.strerror or type(error).__name__, for_good=error.errno in GONE)
        except ValueError:
            if not getattr(self._out, "closed", False):
                raise
            self._lose("closed", for_good=True)

    def _lose(self, reason: str, *, for_good: bool) -> None:
        self.is_gone = for_good
        if not self._is_told:
            self._is_told = True
            self._on_lost(reason)
