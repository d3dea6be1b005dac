"""A command's output stream, which may be closed, full or unread while the work goes on."""

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management.base import OutputWrapper
from django.utils.translation import gettext as _

from .writable import PIECE_CHARACTERS, is_writable, number_where_it_blocks

LINE_BREAK = "\n"
#: The reader has gone, or the stream was closed. A full disk may have room again later.
GONE = frozenset({errno.EPIPE, errno.EBADF, errno.ESHUTDOWN, errno.ECONNRESET})
#: Seconds that a process told to stop waits for a reader that stands still.
READER_SECONDS = 1.0
#: Seconds between two checks whether the process was told to stop.
STOP_CHECK_SECONDS = 0.1


class Outlet:
    """Writes to a stream until the stream fails, and raises nothing.

    Args:
        stream: Django's wrapper of the stream.
        on_lost: Called once, with the reason, when the stream takes nothing.

    A reader that stands still stops the writer, until the process is told to stop.

    Attributes:
        is_gone: Whether the stream will never take anything again.
        encoding: The stream's encoding, if any.
        stopped_at: Tells when the process was told to stop, by the monotonic clock.
    """

    def __init__(
        self, stream: OutputWrapper, on_lost: Callable[[str], object] = lambda reason: None
    ) -> None:
        self.is_gone = False
        self.stopped_at: Callable[[], float | None] = lambda: None
        self._stream = stream
        self._on_lost = on_lost
        self._is_told = False
        self._number = number_where_it_blocks(self._out)
        self.encoding: str | None = getattr(self._out, "encoding", None)

    def isatty(self) -> bool:
        """Tell whether a person looks on."""
        try:
            return self._stream.isatty()
        except ValueError:
            return False  # the stream is closed

    def write(self, text: str, style: Callable[[str], str] | None = None) -> None:
        """Write a text and a line break.

        Args:
            text: The text.
            style: Styles the text; by default the stream's own style.
        """
        if self._number is None:
            self._try(lambda: self._stream.write(text, style_func=style))
            return
        text = (style or self._stream.style_func)(f"{text.removesuffix(LINE_BREAK)}{LINE_BREAK}")
        for begin in range(0, len(text), PIECE_CHARACTERS):
            piece = text[begin : begin + PIECE_CHARACTERS]
            self._try(partial(self._write_piece, piece, self._number))

    def flush(self) -> None:
        """Give the reader all of the text."""
        self._try(self._stream.flush)

    def end(self) -> None:
        """Flush, and keep Python's own last flush from failing after a failed one."""
        self.flush()
        if not self._is_told or self._out not in (sys.stdout, sys.stderr):
            return
        # The text in the stream's buffer goes nowhere.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            number = self._out.fileno()
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, number)
            os.close(null)
            self._out.flush()

    @property
    def _out(self) -> Any:
        return getattr(self._stream, "_out", None)

    def _write_piece(self, piece: str, number: int) -> None:
        if not self._waits_for_reader(number):
            self._lose(_("its reader stands still"), for_good=True)
            return
        self._stream.write(piece, style_func=str, ending="")
        self._stream.flush()  # text in Python's buffer would be written later without room

    def _waits_for_reader(self, number: int) -> bool:
        """Wait until the stream has room; return whether there is room."""
        while not is_writable(number, STOP_CHECK_SECONDS):
            moment = self.stopped_at()
            if moment is not None and time.monotonic() > moment + READER_SECONDS:
                return False
        return True

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
