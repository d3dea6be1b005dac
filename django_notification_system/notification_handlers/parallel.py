"""Running sends side by side in threads, for handlers whose provider takes one at a time."""

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

#: A server that answers so soon is as fast as this program, and to switch threads for every item
#: costs as much as to send it.
FAST_SECONDS = 0.01
#: How long a result may lie there before it is yielded, where its worker has more to do.
LOOK_EVERY_SECONDS = 0.02


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
    """Do the work of many items in threads, and yield each result as soon as it is known.

    The calling thread takes the items, each only when a worker is free for it. It is the only one
    that may use the database, so let ``items`` read there whatever the work needs. Where the run is
    to stop, an item that was taken and not begun has no result.

    Args:
        work: Yields the results of one item. It runs in a thread and must not use the database.
        items: Read lazily.
        workers: How many items are worked on at once.
        most_together: How many a worker may get at once while the work takes next to no time.

    Raises:
        Exception: What ``items`` or ``work`` raised first. No further item is taken, and what the
            other workers still yield is yielded before.
    """
    tasks: SimpleQueue[list[Item] | None] = SimpleQueue()
    results: deque[T] = deque()
    ended: SimpleQueue[_Ended] = SimpleQueue()
    threads: list[threading.Thread] = []

    def serve() -> None:
        try:
            while (share := tasks.get()) is not None:
                start = time.monotonic()
                error = _work_through(work, share, results, is_over)
                ended.put(_Ended(time.monotonic() - start, error))
        finally:
            # What the work calls may have opened some for all that: a mail backend that queues
            # in the database. Nothing else would close them.
            connections.close_all()

    def hand_over(share: list[Item]) -> None:
        if len(threads) == busy:  # all of them are at work
            # A daemon: what hangs for ever must not keep the process from ending.
            threads.append(threading.Thread(target=serve, daemon=True))
            threads[-1].start()
        tasks.put(share)

    is_over = _is_over.get()
    shares = _Shares(items, most_together)
    busy = 0
    error: BaseException | None = None
    try:
        while True:
            # Results first: the next item may be long in coming.
            while results:
                yield results.popleft()
            if busy < workers and not shares.is_exhausted and error is None and ended.empty():
                share, error = shares.take()
                if share:
                    hand_over(share)
                    busy += 1
                continue
            if not busy:
                break
            try:
                end = ended.get(timeout=LOOK_EVERY_SECONDS)
            except Empty:
                continue
            busy -= 1
            error = error or end.error
            shares.adapt(end.seconds)
    finally:
        for _ in threads:
            tasks.put(None)
        for thread in threads:
            thread.join()
    if error is not None:
        raise error


class _Shares(Generic[Item]):
    """The items, in shares of a few at once while the work takes next to no time.

    Attributes:
        is_exhausted: Whether there are no more.
    """

    def __init__(self, items: Iterable[Item], largest: int) -> None:
        self.is_exhausted = False
        self._source = iter(items)
        self._size = 1
        self._largest = largest

    def take(self) -> tuple[list[Item], Exception | None]:
        """Return the next share, and what kept it from being larger."""
        share: list[Item] = []
        start = time.monotonic()
        try:
            for item in self._source:
                share.append(item)
                if len(share) >= self._size:
                    return share, None
                if time.monotonic() - start > FAST_SECONDS:
                    # They come one by one, at a rate perhaps: none is to wait for the next.
                    self._size = 1
                    return share, None
        except Exception as error:
            return share, error
        self.is_exhausted = True
        return share, None

    def adapt(self, seconds: float) -> None:
        """Choose the next share's size by the time that one has taken a worker."""
        if seconds < FAST_SECONDS:
            self._size = min(self._size * 2, self._largest)
        else:
            self._size = max(self._size // 2, 1)


def _work_through(
    work: Callable[[Item], Iterable[T]],
    share: list[Item],
    results: deque[T],
    is_over: Callable[[], bool],
) -> BaseException | None:
    try:
        for item in share:
            if is_over():
                break
            results.extend(work(item))
    except BaseException as error:  # what is cancelled, too: nobody else hears of it in a thread
        return error
    return None
