"""Whether a pipe, a socket or a terminal has room, so that a write does not block."""

import os
import select
import stat
import sys
from typing import Any

#: Characters, of at most four bytes, that a descriptor with room accepts at once.
PIECE_CHARACTERS = getattr(select, "PIPE_BUF", 512) // 4


def number_where_it_blocks(stream: Any) -> int | None:
    """Return the descriptor's number where writing may wait for a reader; ``None`` elsewhere.

    A file never waits for a reader, and Windows cannot tell whether a pipe has room.

    Args:
        stream: A stream of Python's, or ``None``.
    """
    if sys.platform == "win32":
        return None
    try:
        number: int = stream.fileno()
        mode = os.fstat(number).st_mode
    except (AttributeError, OSError, ValueError):
        return None  # no stream, no stream of the operating system's, or a closed stream
    blocks = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(number)
    return number if blocks else None


def is_writable(number: int, seconds: float) -> bool:
    """Tell whether a descriptor has room, or an error to raise.

    Args:
        number: The descriptor's.
        seconds: The longest wait for room.
    """
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))
