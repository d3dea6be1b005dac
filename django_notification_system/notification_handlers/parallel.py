"""Run work side by side in threads, for providers that take one message in a request."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from django.db import connections

from ..delivery.handlers.on_its_way import _is_over

Item = TypeVar("Item")
T = TypeVar("T")

#: A server that answers within this time is as fast as this program: to switch threads for every
#: item costs as much as to send the item.
FAST_SECONDS = 0.01
#: How long a result may wait to be yielded, where its worker goes on.
LONGEST_YIELD_DELAY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class _Ended:
    """A worker is free again."""

    seconds: float
    error: BaseException | None


def side_by_side(
    work: Callable[[Item], Iterable[T]],
    items: Iterable[Item],
    *,
    workers: int,
    most_together: int = 1,
) -> Iterator[T]:
    """Work on many items in threads, and yield every result as soon as it is known.

    The calling thread takes the items, an item only when a worker is free. Only the calling thread
    may use the database: let ``items`` read there whatever the work needs. Where the run is to
    stop, an item taken and not begun has no result.

    Args:
        work: Yields an item's results. Runs in a thread and must not use the database.
        items: Read lazily, in the calling thread.
        workers: How many items are worked on at once.
        most_together: How many items a worker may get at once while the work takes next to no time.

    Raises:
        Exception: The first error of ``items`` or ``work``. No further item is taken, and all
            results of the other workers are yielded before.
    """
    tasks: SimpleQueue[list[Item] | None] = SimpleQueue()
    results: deque[T] = deque()
    ended: SimpleQueue[_Ended] = SimpleQueue()
    threads: list[threading.Thread] = []

    def serve() -> None:
        try:
            while (portion := tasks.get()) is not None:
                start = time.monotonic()
                error = _work_through(work, portion, results, is_over)
                ended.put(_Ended(time.monotonic() - start, error))
        finally:
            # The work may have opened connections all the same: a mail backend that queues in the
            # database, say. Nobody else would close them.
            connections.close_all()

    def give(portion: list[Item]) -> None:
        if len(threads) == busy:  # all of the threads are at work
            # A daemon: work that hangs for ever must not keep the process from ending.
            threads.append(threading.Thread(target=serve, daemon=True))
            threads[-1].start()
        tasks.put(portion)

    is_over = _is_over.get()
    portions = _Portions(items, most_together)
    busy = 0
    error: BaseException | None = None
    try:
        while True:
            # Results first: the next item may be long in coming.
            while results:
                yield results.popleft()
            if busy < workers and not portions.is_exhausted and error is None and ended.empty():
                portion, error = portions.take()
                if portion:
                    give(portion)
                    busy += 1
                continue
            if not busy:
                break
            try:
                end = ended.get(timeout=LONGEST_YIELD_DELAY_SECONDS)
            except Empty:
                continue
            busy -= 1
            error = error or end.error
            portions.adapt(end.seconds)
    finally:
        for _ in threads:
            tasks.put(None)
        for thread in threads:
            thread.join()
    if error is not None:
        raise error


class _Portions(Generic[Item]):
    """The items, in portions of a few at once while the work takes next to no time.

    Attributes:
        is_exhausted: Whether no items are left.
    """

    def __init__(self, items: Iterable[Item], largest: int) -> None:
        self.is_exhausted = False
        self._source = iter(items)
        self._size = 1
        self._largest = largest

    def take(self) -> tuple[list[Item], Exception | None]:
        """Return the next portion, and the error that ended it early."""
        portion: list[Item] = []
        start = time.monotonic()
        try:
            for item in self._source:
                portion.append(item)
                if len(portion) >= self._size:
                    return portion, None
                if time.monotonic() - start > FAST_SECONDS:
                    # The items come slowly, at a rate perhaps: no item shall wait for the next.
                    self._size = 1
                    return portion, None
        except Exception as error:
            return portion, error
        self.is_exhausted = True
        return portion, None

    def adapt(self, seconds: float) -> None:
        """Choose the next portion's size by the seconds that this portion has taken."""
        if seconds < FAST_SECONDS:
            self._size = min(self._size * 2, self._largest)
        else:
            self._size = max(self._size // 2, 1)


def _work_through(
    work: Callable[[Item], Iterable[T]],
    portion: list[Item],
    results: deque[T],
    is_over: Callable[[], bool],
) -> BaseException | None:
    try:
        for item in portion:
            if is_over():
                break
            results.extend(work(item))
    except BaseException as error:  # CancelledError, too: in a thread nobody else would catch it
        return error
    return None
