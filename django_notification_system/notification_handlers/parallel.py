"""Run work side by side in threads, for providers that take one message in a request."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from django.db import connections

from ..delivery.handlers.concurrency import Concurrency, concurrency_within
from ..delivery.handlers.on_its_way import is_time_over
from ..outcome import Outcome

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

    given_at: float
    began_at: float
    ended_at: float
    items: int
    is_first: bool
    is_busy: bool
    is_down: bool
    error: BaseException | None

    @property
    def seconds(self) -> float:
        return self.ended_at - self.began_at


def side_by_side(
    work: Callable[[Item], Iterable[T]],
    items: Iterable[Item],
    *,
    workers: int | Concurrency,
    most_together: int = 1,
) -> Iterator[T]:
    """Work on many items in threads, and yield every result as soon as it is known.

    The calling thread takes the items, an item only when a worker is free. Only the calling thread
    may use the database: let ``items`` read there whatever the work needs. Where the run is to
    stop, an item taken and not begun has no result.

    A run begins with two items at once. The number grows while more at once are faster, and shrinks
    where a result is an ``Outcome.busy()``. The next runs go on with the number.

    Args:
        work: Yields an item's results. Runs in a thread and must not use the database.
        items: Read lazily, in the calling thread.
        workers: How many items are worked on at once, at the most.
        most_together: How many items all workers may have together while the work takes next to no
            time; otherwise a worker has one item.

    Raises:
        Exception: The first error of ``items`` or ``work``. No further item is taken, and all
            results of the other workers are yielded before.
    """
    #: Portions, each with the moment when it was given.
    tasks: SimpleQueue[tuple[float, list[Item]] | None] = SimpleQueue()
    results: deque[T] = deque()
    ended: SimpleQueue[_Ended] = SimpleQueue()
    threads: list[threading.Thread] = []

    def serve() -> None:
        is_first = True
        try:
            while (task := tasks.get()) is not None:
                ended.put(_work_through(work, *task, results, is_over, is_first=is_first))
                is_first = False
        finally:
            # The work may have opened connections all the same: a mail backend that queues in the
            # database, say. Nobody else would close them.
            connections.close_all()

    def give(portion: list[Item]) -> None:
        if len(threads) == busy:  # all of the threads are at work
            # A daemon: work that hangs for ever must not keep the process from ending.
            threads.append(threading.Thread(target=serve, daemon=True))
            threads[-1].start()
        tasks.put((time.monotonic(), portion))

    if isinstance(workers, int):
        workers = concurrency_within(workers, time.monotonic())
    workers.begin_window()
    is_over = is_time_over()
    portions = _Portions(items)
    busy = 0
    #: Threads past their first portion: a first portion opens a connection, too.
    warm = 0
    error: BaseException | None = None
    try:
        while True:
            # Results first: the next item may be long in coming.
            while results:
                yield results.popleft()
            if (
                busy < workers.at_once
                and not portions.is_exhausted
                and error is None
                and ended.empty()
            ):
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
            _learn(workers, end, is_warm=warm >= workers.at_once)
            warm += end.is_first
            busy -= 1
            error = error or end.error
            portions.adapt(end.seconds, most=most_together // workers.at_once)
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

    def __init__(self, items: Iterable[Item]) -> None:
        self.is_exhausted = False
        self._source = iter(items)
        self._size = 1

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

    def adapt(self, seconds: float, *, most: int) -> None:
        """Choose the next portion's size.

        Args:
            seconds: How long this portion has taken.
            most: The largest size.
        """
        size = self._size * 2 if seconds < FAST_SECONDS else self._size // 2
        self._size = max(1, min(size, most))


def _learn(concurrency: Concurrency, end: _Ended, *, is_warm: bool) -> None:
    """Judge from a worker's portion how much the provider takes at once."""
    if end.is_busy:
        # By now: portions that were given meanwhile may be refused, too.
        concurrency.refuse_message(end.given_at, time.monotonic())
    elif end.is_down or not is_warm:
        concurrency.begin_window()
    else:
        concurrency.note(end.items, end.ended_at)


def _work_through(
    work: Callable[[Item], Iterable[T]],
    given_at: float,
    portion: list[Item],
    results: deque[T],
    is_over: Callable[[], bool],
    *,
    is_first: bool,
) -> _Ended:
    began_at = time.monotonic()
    items, is_busy, is_down = 0, False, False
    error: BaseException | None = None
    try:
        for item in portion:
            if is_over():
                break
            for result in work(item):
                if isinstance(result, Outcome):
                    is_busy |= result.is_busy
                    is_down |= result.is_provider_down
                results.append(result)
            items += 1
    except BaseException as raised:  # CancelledError, too: in a thread nobody else would catch it
        error = raised
    return _Ended(given_at, began_at, time.monotonic(), items, is_first, is_busy, is_down, error)
