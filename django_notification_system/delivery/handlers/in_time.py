"""Read a handler's outcomes in a separate thread: a handler that hangs holds no process up."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TypeVar

from django.db import connections

from ...stop_moment import can_be_stopped, is_time_up

Item = TypeVar("Item")

#: How many seconds may pass between two looks at the clock.
CLOCK_RECHECK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _End:
    """The source is exhausted, or raised an error."""

    error: BaseException | None


def in_time(source: Callable[[], Iterable[Item]]) -> Iterator[Item]:
    """Yield a source's items, at most until the time of a stopping process is up.

    After that, the source is left behind, in a thread that keeps no process from ending.

    Args:
        source: Called, and read, in a new thread where the process can be told to stop.

    Raises:
        BaseException: The source's own error.
    """
    if not can_be_stopped():
        yield from source()
        return
    items: SimpleQueue[Item | _End] = SimpleQueue()

    def read() -> None:
        error: BaseException | None = None
        try:
            for item in source():
                items.put(item)
        except BaseException as raised:
            error = raised
        finally:
            connections.close_all()
            items.put(_End(error))

    threading.Thread(target=read, daemon=True).start()
    while not is_time_up():
        try:
            item = items.get(timeout=CLOCK_RECHECK_SECONDS)
        except Empty:
            continue
        if not isinstance(item, _End):
            yield item
        elif item.error is None:
            return
        else:
            raise item.error
