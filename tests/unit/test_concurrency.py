"""How many messages a provider takes at once: the rule, without threads and clocks."""

import heapq
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_notification_system.delivery.handlers.concurrency import (
    FIRST_AT_ONCE,
    REMEMBERED_SECONDS,
    REMEMBERED_SECONDS_OF_MESSAGES,
    Concurrency,
    Found,
)


@dataclass(frozen=True)
class Server:
    """A server of the model.

    Attributes:
        takes: How many messages the server takes at once.
        works_on: How many messages the server works on at once; the others wait.
        seconds: The time for a message.
    """

    takes: int = 1000
    works_on: int = 1000
    seconds: float = 0.1


def deliver(concurrency: Concurrency, server: Server, messages: int, now: float = 0.0) -> list[int]:
    """Send messages to a server of the model; return the number at once after each message."""
    ends: list[tuple[float, float]] = []
    works = [now] * server.works_on  # when each of the server's places is free
    heapq.heapify(works)
    numbers = []
    for _ in range(messages):
        while len(ends) >= concurrency.at_once:
            now, _ = heapq.heappop(ends)
            concurrency.note(1, now)
        if len(ends) >= server.takes:
            concurrency.refuse_message(now, now)
        else:
            ends_at = max(heapq.heappop(works), now) + server.seconds
            heapq.heappush(works, ends_at)
            heapq.heappush(ends, (ends_at, now))
        numbers.append(concurrency.at_once)
    return numbers


def test_a_run_begins_with_two() -> None:
    assert Concurrency(20, now=0).at_once == FIRST_AT_ONCE == 2


@pytest.mark.parametrize("most", [3, 10, 20, 64])
def test_the_number_grows_to_the_most_while_that_is_faster(most: int) -> None:
    concurrency = Concurrency(most, now=0)
    numbers = deliver(concurrency, Server(), 1000)
    assert numbers[-1] == most
    assert numbers.index(most) < 8 * most


@pytest.mark.parametrize("takes", [1, 2, 3, 10, 19])
def test_a_refusal_shows_how_many_a_server_takes(takes: int) -> None:
    concurrency = Concurrency(20, now=0)
    numbers = deliver(concurrency, Server(takes=takes), 1000)
    assert set(numbers[-300:]) == {takes}


@pytest.mark.parametrize("works_on", [1, 2, 4])
def test_more_at_once_that_gain_nothing_are_tried_ever_more_seldom(works_on: int) -> None:
    concurrency = Concurrency(64, now=0)
    numbers = deliver(concurrency, Server(works_on=works_on), 4000)
    assert max(numbers) <= 16
    assert numbers[-1000:].count(min(numbers[-1000:])) > 900


@given(
    most=st.integers(1, 100),
    found=st.none()
    | st.builds(Found, st.integers(1, 200), st.none() | st.integers(1, 200), st.floats(0, 600)),
    events=st.lists(
        st.tuples(st.sampled_from(["note", "message", "connection"]), st.floats(0, 30)),
        max_size=200,
    ),
)
def test_the_number_is_between_one_and_the_most_and_below_what_was_refused(
    most: int, found: Found | None, events: list[tuple[str, float]]
) -> None:
    now = 0.0
    concurrency = Concurrency(most, found, now=now)
    #: Until when, and which number.
    refused: list[tuple[float, int]] = []
    for event, seconds in events:
        now += seconds
        before = concurrency.at_once
        if event == "note":
            concurrency.note(1, now)
        elif event == "message":
            concurrency.refuse_message(now - seconds / 2, now)
        else:
            concurrency.refuse_connection(before - 1, now)
        if event == "connection":
            refused.append((now + REMEMBERED_SECONDS, before))
        elif event == "message" and seconds > 0.001:
            # The last refusal says for how long all count.
            refused = [(now + REMEMBERED_SECONDS_OF_MESSAGES, number) for _, number in refused]
            refused.append((now + REMEMBERED_SECONDS_OF_MESSAGES, before))
        at_once = concurrency.at_once
        assert 1 <= at_once <= most
        assert 1 <= concurrency.found(now).at_once <= most
        for until, number in refused:
            if now < until:
                assert at_once < number or at_once == 1


@given(takes=st.integers(1, 40), works_on=st.integers(1, 40), seconds=st.floats(0.06, 0.5))
def test_the_number_comes_to_rest(takes: int, works_on: int, seconds: float) -> None:
    server = Server(takes=takes, works_on=works_on, seconds=seconds)
    numbers = deliver(Concurrency(20, now=0), server, 8000)
    last = numbers[-1000:]
    usual = max(set(last), key=last.count)
    assert last.count(usual) > 700
    assert usual <= takes
    assert usual >= min(takes, works_on, 20) * 0.5 or usual == 1


def test_many_refusals_at_once_count_once() -> None:
    concurrency = Concurrency(20, Found(20), now=0)
    for _ in range(20):
        concurrency.refuse_message(began_at=1, now=1.1)
    assert concurrency.at_once == 10


def test_a_limit_is_forgotten_after_a_while() -> None:
    concurrency = Concurrency(20, Found(3, 3, seconds=100), now=0)
    numbers = deliver(concurrency, Server(), 200)
    assert set(numbers) == {3}
    numbers = deliver(concurrency, Server(), 500, now=100)
    assert numbers[-1] == 20


def test_a_number_on_trial_is_not_what_was_found() -> None:
    concurrency = Concurrency(20, now=0)
    for moment in range(10):
        concurrency.note(1, float(moment))
        if concurrency.at_once > 2:
            break
    assert (concurrency.at_once, concurrency.found(10).at_once) == (4, 2)
