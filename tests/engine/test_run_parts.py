"""The parts of a run that keep time, each by itself, by a clock that the test sets."""

import uuid
from types import SimpleNamespace
from typing import Any, cast

import pytest

from django_notification_system.delivery.claims.claim import Claim
from django_notification_system.delivery.runs import lease as lease_module
from django_notification_system.delivery.runs import pace as pace_module
from django_notification_system.delivery.runs import turn as turn_module
from django_notification_system.delivery.runs.instant import Instant
from django_notification_system.delivery.runs.lease import Lease
from django_notification_system.delivery.runs.pace import Pace
from django_notification_system.delivery.runs.run import Run
from django_notification_system.delivery.runs.turn import Turn


class Clock:
    """Stands in for the module ``time``; a sleep takes no time of the test's."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (lease_module, pace_module, turn_module):
        monkeypatch.setattr(module, "time", clock)
    return clock


class RenewedClaim(Claim):
    """Counts its renewals, without a database."""

    renewals = 0

    def renew(self, ids: Any, lease_seconds: float) -> None:
        self.renewals += 1


def test_a_lease_is_renewed_only_while_the_handler_makes_progress(clock: Clock) -> None:
    claim = RenewedClaim(uuid.uuid4(), [], "default")
    lease = Lease(claim, 300, Instant.now())
    begun = clock.now
    clock.now += 99
    lease.keep([], progress_at=clock.now)
    assert claim.renewals == 0, "not before a third of its time"
    clock.now += 2
    lease.keep([], progress_at=begun)
    assert claim.renewals == 0, "no progress since the beginning"
    lease.keep([], progress_at=begun + 1)
    assert claim.renewals == 1
    clock.now += 101
    lease.keep([], progress_at=begun + 1)
    assert claim.renewals == 1, "no progress since the last renewal"


def test_a_rate_is_kept_on_average_where_a_message_is_a_little_late(clock: Clock) -> None:
    pace = Pace(1.0)
    assert pace.keep(lambda: True)
    clock.now += 1.5
    assert pace.keep(lambda: True)
    assert clock.slept == 0
    assert pace.keep(lambda: True)
    assert clock.slept == pytest.approx(0.5), "half a second was made good"


def test_after_a_long_rest_a_rate_makes_nothing_good(clock: Clock) -> None:
    pace = Pace(1.0)
    assert pace.keep(lambda: True)
    clock.now += 60
    assert pace.keep(lambda: True)
    assert pace.keep(lambda: True)
    assert clock.slept == pytest.approx(1.0)


def test_a_target_with_interrupted_rows_is_searched_for_others_each_second(clock: Clock) -> None:
    turn = Turn()
    turn.is_next = True
    assert turn.wait()
    clock.now += 0.9
    assert turn.wait()
    clock.now += 0.2
    assert not turn.wait()
    assert not turn.is_next, "the next claim is for other rows"


@pytest.mark.parametrize(
    ("others", "has_waited_long", "may"),
    [
        ([], False, True),
        ([{"is_busy": False}], False, True),
        ([{"is_busy": False}, {"is_busy": True}], False, False),
        ([{"is_busy": True}], True, True),
        ([{"is_busy": True, "sends_interrupted": True}], True, False),
    ],
)
def test_interrupted_rows_wait_for_the_other_targets(
    others: list[dict[str, bool]], has_waited_long: bool, may: bool, db: None
) -> None:
    own: Any = SimpleNamespace(
        is_busy=True, sends_interrupted=False, has_waited_long=has_waited_long
    )
    run = Run()
    run._target_runs = cast(
        "Any",
        {
            number: SimpleNamespace(**{"sends_interrupted": False, **other})
            for number, other in enumerate(others)
        }
        | {"own": own},
    )
    assert run._may_go_alone(own) is may
