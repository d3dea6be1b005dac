"""Receipts are fetched beside what delivers, now and then, and hold up nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_notification_system.delivery.receipts import beside as receipts_beside
from django_notification_system.delivery.receipts.beside import ReceiptsBeside
from django_notification_system.delivery.receipts.fetch import Fetched


class Fetcher:
    """Fetches at once, or when a test lets it."""

    def __init__(self) -> None:
        self.times = 0
        self.free = threading.Event()
        self.free.set()
        self.problem = ""
        self.error: Exception | None = None
        self.was_stopped = False

    def __call__(self, is_stopping: Callable[[], bool]) -> Fetched:
        self.times += 1
        while not self.free.wait(0.01):
            if is_stopping():
                self.was_stopped = True
                break
        if self.error is not None:
            raise self.error
        return Fetched(confirmed=1, problems={"Expo": self.problem} if self.problem else {})


@pytest.fixture
def fetcher() -> Fetcher:
    return Fetcher()


@pytest.fixture
def heard() -> list[Fetched]:
    return []


@pytest.fixture
def beside(fetcher: Fetcher, heard: list[Fetched], db: None) -> Iterator[ReceiptsBeside]:
    with_receipts = ReceiptsBeside(fetcher, heard.append)
    yield with_receipts
    with_receipts.close()


def tick_until(beside: ReceiptsBeside, condition: Callable[[], Any]) -> None:
    give_up_at = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up_at
        beside.tick()
        time.sleep(0.005)


def test_it_begins_at_once_and_then_waits(
    beside: ReceiptsBeside, fetcher: Fetcher, heard: list[Fetched]
) -> None:
    tick_until(beside, lambda: heard)
    for _ in range(50):
        beside.tick()
    assert (fetcher.times, heard) == (1, [Fetched(confirmed=1)])


def test_it_goes_on_when_it_is_time(
    beside: ReceiptsBeside,
    fetcher: Fetcher,
    heard: list[Fetched],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(receipts_beside, "SECONDS_BETWEEN", 0.02)
    tick_until(beside, lambda: len(heard) == 3)


def test_nothing_waits_for_it(
    beside: ReceiptsBeside, fetcher: Fetcher, heard: list[Fetched]
) -> None:
    fetcher.free.clear()
    for _ in range(100):
        beside.tick()
    assert heard == []  # all of this while the fetch goes on
    fetcher.free.set()
    tick_until(beside, lambda: heard)
    assert fetcher.times == 1


def test_the_end_stops_it_and_keeps_what_it_has(
    beside: ReceiptsBeside, fetcher: Fetcher, heard: list[Fetched]
) -> None:
    fetcher.free.clear()
    beside.tick()
    beside.close()
    assert fetcher.was_stopped
    assert heard == [Fetched(confirmed=1)]


@pytest.mark.parametrize("error", [None, RuntimeError("Oh.")])
def test_after_a_problem_it_waits_longer(
    beside: ReceiptsBeside,
    fetcher: Fetcher,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception | None,
) -> None:
    fetcher.problem = "Down."
    fetcher.error = error
    now = 1000.0
    monkeypatch.setattr(receipts_beside.time, "monotonic", lambda: now)
    beside._next_at = now
    waits = []
    for _ in range(7):
        times = fetcher.times
        began = now
        while fetcher.times == times:
            beside.tick()
            now += 10
        waits.append(now - began)
        if beside._thread is not None:
            beside._thread.join()
        beside.tick()
    assert waits[1] < waits[2] < waits[4]
    assert waits[-1] == pytest.approx(receipts_beside.MOST_SECONDS_BETWEEN, abs=30)
