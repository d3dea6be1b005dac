"""Reading what a handler yields in a thread of its own, so that one that hangs holds nobody up."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TypeVar

from django.db import connections

from ...stop_moment import can_be_stopped, is_time_up

Item = TypeVar("Item")

#: How often the time is looked at.
LOOK_EVERY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _End:
    """The source has no more, or raised."""

    error: BaseException | None


def in_time(source: Callable[[], Iterable[Item]]) -> Iterator[Item]:
    """Yield what a source yields, at the most until the time of a process that stops is up.

    What the source does then is left behind, in a thread that keeps no process from ending.

    Args:
        source: Called, and read, in a thread where the process can be told to stop.

    Raises:
        BaseException: What the source raised.
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
            item = items.get(timeout=LOOK_EVERY_SECONDS)
        except Empty:
            continue
        if not isinstance(item, _End):
            yield item
        elif item.error is None:
            return
        else:
            raise item.error
