"""The end of a process that was told to stop and cannot, because something hangs."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Self

from django.utils.translation import gettext as _

#: Seconds for an orderly end. Docker kills a process ten seconds after SIGTERM.
FORCE_AFTER_SECONDS = 9.3
#: Seconds for standard error to accept the last line.
LAST_LINE_SECONDS = 0.2
#: The exit status of a process that could not end in order.
EXIT_STATUS = 1


class ForcedEnd:
    """Ends the process some seconds after a signal, unless the process has ended by then.

    The main thread may be inside a database driver that waits for an answer. Python then calls no
    signal handler, so a thread hears of the signal from Python's wakeup descriptor. After a signal,
    nothing cancels the end, not even the end of this context: a later close of a connection may
    hang too.

    Args:
        numbers: The signals for stopping the process.
    """

    def __init__(self, numbers: Collection[signal.Signals]) -> None:
        self._numbers = frozenset(numbers)
        # Translated now: the thread that prints the line has no language.
        self._line = _(
            "The process was told to stop and something hangs in it: it ends by force. What was not"
            " recorded is due again when its lease ends."
        )

    def __enter__(self) -> Self:
        """Listen for signals, in the main thread."""
        self._listening, self._signalled = socket.socketpair()
        self._signalled.setblocking(False)
        # A storm of signals may fill the socket. One byte is enough.
        self._previous = signal.set_wakeup_fd(self._signalled.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._listen, name="forced end", daemon=True).start()
        return self

    def __exit__(self, *exception: Any) -> None:
        """Listen no more. A received signal stays in force."""
        signal.set_wakeup_fd(self._previous)
        self._signalled.close()

    def _listen(self) -> None:
        # Open until the end: Python complains of a signal without a listener.
        with self._listening:
            if self._hears_of_a_signal():
                self._end()

    def _hears_of_a_signal(self) -> bool:
        # A byte is the number of a signal; at the end of the context, the socket has no bytes.
        while received := self._listening.recv(64):
            if not self._numbers.isdisjoint(received):
                return True
        return False

    def _end(self) -> None:
        time.sleep(FORCE_AFTER_SECONDS)
        # In a separate thread, because standard error may have no reader either.
        last_line = threading.Thread(target=self._say, daemon=True)
        last_line.start()
        last_line.join(LAST_LINE_SECONDS)
        os._exit(EXIT_STATUS)

    def _say(self) -> None:
        # Past Python's buffer: a hanging thread may hold the buffer's lock.
        with suppress(OSError, ValueError, AttributeError):
            os.write(sys.stderr.fileno(), f"{self._line}\n".encode(errors="backslashreplace"))
