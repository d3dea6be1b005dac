"""Running sends side by side in threads, for handlers whose provider takes one at a time."""

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import TypeVar

from django.db import connections

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Ended:
    """A worker is free again."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def side_by_side(
    work: Callable[[Item], Iterable[Result]], items: Iterable[Item], *, workers: int
) -> Iterator[Result]:
    """Do the work of many items in threads, and yield each result as soon as it is known.

    The calling thread takes the items, each only when a worker is free for it. It is the only one
    that may use the database, so let ``items`` read there whatever the work needs.

    Args:
        work: Yields the results of one item. It runs in a thread and must not use the database.
        items: Read lazily.
        workers: How many items are worked on at once.

    Raises:
        Exception: What ``items`` or ``work`` raised first. No further item is taken, and what the
            other workers still yield is yielded before.
    """
    tasks: SimpleQueue[Item | None] = SimpleQueue()
    results: SimpleQueue[Result | _Ended] = SimpleQueue()
    threads: list[threading.Thread] = []

    def serve() -> None:
        try:
            while (item := tasks.get()) is not None:
                results.put(_worked(work, item, results))
        finally:
            # What the work calls may have opened some for all that: a mail backend that queues
            # in the database. Nothing else would close them.
            connections.close_all()

    def hand_over(item: Item) -> None:
        if len(threads) == busy:  # all of them are at work
            # A daemon: what hangs for ever must not keep the process from ending.
            threads.append(threading.Thread(target=serve, daemon=True))
            threads[-1].start()
        tasks.put(item)

    source = iter(items)
    busy = 0
    exhausted = False
    error: BaseException | None = None
    try:
        while True:
            # Results first: the next item may be long in coming.
            if busy < workers and not exhausted and error is None and results.empty():
                try:
                    item = next(source)
                except StopIteration:
                    exhausted = True
                except Exception as raised:
                    error = raised
                else:
                    hand_over(item)
                    busy += 1
                continue
            if not busy:
                break
            result = results.get()
            if isinstance(result, _Ended):
                busy -= 1
                error = error or result.error
            else:
                yield result
    finally:
        for _ in threads:
            tasks.put(None)
        for thread in threads:
            thread.join()
    if error is not None:
        raise error


def _worked(
    work: Callable[[Item], Iterable[Result]], item: Item, results: "SimpleQueue[Result | _Ended]"
) -> _Ended:
    try:
        for result in work(item):
            results.put(result)
    except BaseException as error:  # what is cancelled, too: nobody else hears of it in a thread
        return _Ended(error)
    return _Ended(None)
