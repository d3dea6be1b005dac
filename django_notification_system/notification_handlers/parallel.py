"""Running sends side by side in threads, for handlers whose provider takes one at a time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Ended:
    """A worker is free again."""

    def __init__(self, error: Exception | SystemExit | None) -> None:
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
    results: SimpleQueue[Result | _Ended] = SimpleQueue()

    def run(item: Item) -> None:
        error: Exception | SystemExit | None = None
        try:
            for result in work(item):
                results.put(result)
        except (Exception, SystemExit) as raised:
            error = raised
        results.put(_Ended(error))

    source = iter(items)
    busy = 0
    exhausted = False
    error: Exception | SystemExit | None = None
    with ThreadPoolExecutor(workers) as threads:
        while True:
            while busy < workers and not exhausted and error is None:
                try:
                    item = next(source)
                except StopIteration:
                    exhausted = True
                except Exception as raised:
                    error = raised
                else:
                    threads.submit(run, item)
                    busy += 1
            if not busy:
                break
            result = results.get()
            if isinstance(result, _Ended):
                busy -= 1
                error = error or result.error
            else:
                yield result
    if error is not None:
        raise error
