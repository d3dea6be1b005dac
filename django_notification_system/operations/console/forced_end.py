"""The end of a process that was told to stop and cannot, because something in it hangs."""

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

#: How long a process has to end in order. Docker kills a process ten seconds after SIGTERM.
FORCE_AFTER_SECONDS = 9.3
#: How long standard error may take to accept the last line.
LAST_LINE_SECONDS = 0.2
#: How a process ends that was not able to end in order.
EXIT_STATUS = 1


class ForcedEnd:
    """Ends the process some seconds after a signal, unless the process has ended by then.

    The main thread may be inside a database driver that waits for an answer. Python then calls no
    signal handler, so a thread hears of the signal from Python's wakeup descriptor. Once a signal
    has come, nothing calls the end off, not even leaving this context: a connection that is closed
    later may hang too.

    Args:
        numbers: The signals that ask the process to stop.
    """

    def __init__(self, numbers: Collection[signal.Signals]) -> None:
        self._numbers = frozenset(numbers)
        # Translated now: the thread that says the line has no language of its own.
        self._line = _(
            "The process was told to stop and something hangs in it: it ends by force. What was not"
            " recorded is due again when its lease ends."
        )

    def __enter__(self) -> Self:
        """Listen for signals, in the main thread."""
        self._listening, self._signalled = socket.socketpair()
        self._signalled.setblocking(False)
        # A storm of signals may fill the socket. The first of them is enough.
        self._previous = signal.set_wakeup_fd(self._signalled.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._listen, name="forced end", daemon=True).start()
        return self

    def __exit__(self, *exception: Any) -> None:
        """Listen no more. A signal that has come stays in force."""
        signal.set_wakeup_fd(self._previous)
        self._signalled.close()

    def _listen(self) -> None:
        # Open until the end: Python complains of a signal that nobody can hear of any more.
        with self._listening:
            if self._hears_of_a_signal():
                self._end()

    def _hears_of_a_signal(self) -> bool:
        # Each byte is the number of a signal; at the end of the context there is none.
        while received := self._listening.recv(64):
            if not self._numbers.isdisjoint(received):
                return True
        return False

    def _end(self) -> None:
        time.sleep(FORCE_AFTER_SECONDS)
        # In a thread of its own, because nobody may read standard error either.
        last_line = threading.Thread(target=self._say, daemon=True)
        last_line.start()
        last_line.join(LAST_LINE_SECONDS)
        os._exit(EXIT_STATUS)

    def _say(self) -> None:
        # Past Python's buffer: whoever hangs may hold its lock.
        with suppress(OSError, ValueError, AttributeError):
            os.write(sys.stderr.fileno(), f"{self._line}\n".encode(errors="backslashreplace"))
