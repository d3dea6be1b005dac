"""What ``side_by_side()`` promises the handlers that use it."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from django_notification_system.delivery.handlers.concurrency import Concurrency, Found
from django_notification_system.models import Notification
from django_notification_system.notification_handlers.parallel import side_by_side
from django_notification_system.outcome import Outcome
from tests.support.runs import wait_until


def test_each_item_is_worked_on_once_and_yields_its_results() -> None:
    results = list(
        side_by_side(lambda item: [item, -item], range(1, 1001), workers=4, most_together=8)
    )
    assert sorted(results) == [*range(-1000, 0), *range(1, 1001)]


def test_no_more_are_taken_than_workers_may_have() -> None:
    taken: list[int] = []
    release = threading.Event()

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    def work(item: int) -> list[int]:
        assert release.wait(10)
        return [item]

    workers = Concurrency(4, Found(4), now=time.monotonic())
    thread = threading.Thread(target=lambda: list(side_by_side(work, items(), workers=workers)))
    thread.start()
    wait_until(lambda: len(taken) >= 4)
    time.sleep(0.2)  # a fifth would be taken meanwhile
    assert len(taken) == 4  # slow work: one for each
    release.set()
    thread.join()
    assert len(taken) == 100


def test_fast_work_is_handed_over_a_few_at_once() -> None:
    together: list[int] = []
    waiting = 0

    def items() -> Iterator[int]:
        nonlocal waiting
        for item in range(400):
            waiting += 1
            yield item

    def work(item: int) -> list[int]:
        nonlocal waiting
        together.append(waiting)
        return [item]

    list(side_by_side(work, items(), workers=1, most_together=8))
    assert len(together) == 400
    sizes = [after - before for before, after in pairwise(together)]
    assert max(sizes) == 8


def test_a_result_is_not_held_back_by_what_its_worker_does_next() -> None:
    """A server that was fast and hangs: what it took before is known."""
    hang = threading.Event()

    def work(item: int) -> list[int]:
        if item == 500 and not hang.wait(10):
            hang.set()  # in vain: 499 was held back until 500 was given up
        return [item]

    known: list[int] = []
    for result in side_by_side(work, range(1000), workers=1, most_together=8):
        known.append(result)
        if result == 499:
            assert 500 not in known
            in_time = not hang.is_set()
            hang.set()
    assert known == list(range(1000))
    assert in_time


def test_what_comes_at_a_rate_does_not_wait_for_the_next() -> None:
    """A source that is slow is asked for one at a time, however fast the work."""
    worked = {item: threading.Event() for item in range(110)}
    in_time: list[bool] = []

    def items() -> Iterator[int]:
        yield from range(100)  # at once, so that shares grow
        for item in range(100, 110):
            time.sleep(0.02)
            # The last of those that came at once may wait for the first that does not.
            if item > 100:
                in_time.append(worked[item - 1].wait(5))
            yield item

    def work(item: int) -> list[int]:
        worked[item].set()
        return [item]

    list(side_by_side(work, items(), workers=1, most_together=8))
    assert all(in_time)


def test_an_error_ends_it_after_what_is_known() -> None:
    def work(item: int) -> list[int]:
        if item == 50:
            raise ValueError("fifty")
        return [item]

    known: list[int] = []
    with pytest.raises(ValueError, match="fifty"):
        known.extend(side_by_side(work, range(10_000), workers=2, most_together=8))
    assert set(range(50)) - set(known) == set()
    assert len(known) < 200


def test_an_error_of_the_source_is_raised_after_what_it_gave() -> None:
    def items() -> Iterator[int]:
        yield from range(10)
        raise ValueError("no more")

    known: list[int] = []
    with pytest.raises(ValueError, match="no more"):
        known.extend(side_by_side(lambda item: [item], items(), workers=2))
    assert sorted(known) == list(range(10))


def test_more_are_worked_on_at_once_while_that_is_faster_and_never_more_than_workers() -> None:
    at_once = most_at_once = 0
    lock = threading.Lock()
    threads: set[int] = set()

    def work(item: int) -> list[int]:
        nonlocal at_once, most_at_once
        threads.add(threading.get_ident())
        with lock:
            at_once += 1
            most_at_once = max(most_at_once, at_once)
        time.sleep(0.02)  # a provider far away
        with lock:
            at_once -= 1
        return [item]

    concurrency = Concurrency(6, now=time.monotonic())
    results = list(side_by_side(work, range(400), workers=concurrency))
    assert sorted(results) == list(range(400))
    assert 2 < most_at_once <= 6
    assert len(threads) <= 6


def test_a_busy_provider_gets_fewer_at_once() -> None:
    def work(notification: Notification) -> list[Outcome]:
        return [Outcome.busy(notification, "Slow down.")]

    concurrency = Concurrency(8, Found(8), now=time.monotonic())
    list(side_by_side(work, [Notification() for _ in range(100)], workers=concurrency))
    assert concurrency.at_once == 1
    assert concurrency.ceiling(time.monotonic()) == 1


def test_a_provider_out_of_reach_gets_no_more_at_once() -> None:
    def work(notification: Notification) -> list[Outcome]:
        time.sleep(0.005)  # a provider far away
        return [Outcome.retry(notification, "Nobody is there.", unreachable=True)]

    concurrency = Concurrency(8, now=time.monotonic())
    list(side_by_side(work, [Notification() for _ in range(200)], workers=concurrency))
    assert concurrency.at_once == 2
