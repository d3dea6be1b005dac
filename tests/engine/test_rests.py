"""How long a watch leaves a target alone that cannot be used, and how often it says so."""

from types import SimpleNamespace

import pytest

from django_notification_system.delivery.runs import rests
from django_notification_system.delivery.runs.rests import (
    FIRST_REST_SECONDS,
    LONGEST_REST_SECONDS,
    Rests,
)
from django_notification_system.models import NotificationTarget

TARGET = NotificationTarget(name="Loft")
PROBLEM = "It has no handler."


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A monotonic clock for the rests alone, which the test sets by hand."""
    clock = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(rests, "time", SimpleNamespace(monotonic=lambda: clock.seconds))
    return clock


def length(of: Rests, clock: SimpleNamespace) -> float:
    """Note one more problem, and return how many seconds the target rests from then on."""
    of.note(TARGET, PROBLEM)
    began = clock.seconds
    while of.is_resting(TARGET):
        clock.seconds += 1
    return float(clock.seconds - began)


def test_each_rest_is_twice_as_long_as_the_rest_before_up_to_a_limit(
    clock: SimpleNamespace,
) -> None:
    of = Rests(lambda problem: None)
    lengths = [length(of, clock) for _ in range(8)]
    assert lengths[:3] == [FIRST_REST_SECONDS, 2 * FIRST_REST_SECONDS, 4 * FIRST_REST_SECONDS]
    assert lengths[-2:] == [LONGEST_REST_SECONDS, LONGEST_REST_SECONDS]


def test_the_first_rest_is_short_again_once_the_target_was_usable(clock: SimpleNamespace) -> None:
    of = Rests(lambda problem: None)
    assert (length(of, clock), length(of, clock)) == (FIRST_REST_SECONDS, 2 * FIRST_REST_SECONDS)
    of.note(TARGET, None)
    assert (of.problems, of.is_resting(TARGET)) == ({}, False)
    assert length(of, clock) == FIRST_REST_SECONDS


def test_a_problem_is_said_once_and_again_when_its_text_changes() -> None:
    said: list[str] = []
    of = Rests(said.append)
    for problem in (PROBLEM, PROBLEM, "Wrong password.", "Wrong password.", PROBLEM):
        of.note(TARGET, problem)
    assert said == [PROBLEM, "Wrong password.", PROBLEM]
