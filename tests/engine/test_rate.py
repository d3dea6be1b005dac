"""A target's rate holds for all runs together, and no row is held while a run waits for it."""

import threading
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system.conf import seconds_each
from django_notification_system.delivery.claims.rate import LONGEST_RATE_WAIT_SECONDS, Rate
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.parallel import side_by_side
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.handlers import freely
from tests.support.runs import in_real_transactions, make_many, states


def at_rate(settings: Any, rate: str) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"freely": {"rate": rate}}


@pytest.mark.parametrize(
    ("rate", "seconds"),
    [("10/s", 0.1), ("0.5/s", 2), (" 100 / m ", 0.6), ("1000/h", 3.6), ("1/d", 86_400)],
)
def test_a_rate_is_a_number_and_a_span(rate: str, seconds: float) -> None:
    assert seconds_each(rate) == pytest.approx(seconds)


@pytest.mark.parametrize("rate", ["", "10", "10/", "/s", "0/s", "-1/s", "10/week", 10, None])
def test_anything_else_is_no_rate(rate: Any) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        seconds_each(rate)


def test_notifications_go_out_evenly(record: TargetUserRecord, settings: Any) -> None:
    at_rate(settings, "20/s")
    sent_at: list[float] = []

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            sent_at.append(time.monotonic())
            yield Outcome.delivered(notification, "Sent.")

    freely.behave = behave
    make_many(record, 11)
    began_at = time.monotonic()
    list(Run())
    assert states(record) == {("DELIVERED", 0, None)}
    # Each no sooner than its turn comes; a busy machine may be late with any.
    assert all(at - began_at >= turn * 0.05 for turn, at in enumerate(sent_at))
    gaps = [later - earlier for earlier, later in pairwise(sent_at)]
    assert median(gaps) > 0.02  # and not all at once after a wait


@in_real_transactions
@pytest.mark.parametrize("rate", ["20/s", "4/s"])
def test_what_was_sent_is_told_of_before_the_next_is_due(
    record: TargetUserRecord, settings: Any, rate: str
) -> None:
    """And not only when all of a handler's threads have something to do."""
    at_rate(settings, rate)
    #: How many were sent and not told of whenever the handler got one more.
    untold: list[int] = []

    def send(notification: Notification) -> Iterator[Outcome]:
        yield Outcome.delivered(notification, "Sent.")

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        number = 0

        def counted() -> Iterator[Notification]:
            nonlocal number
            for notification in notifications:
                untold.append(number)
                number += 1
                yield notification

        for outcome in side_by_side(send, counted(), workers=16):
            number -= 1
            yield outcome

    freely.behave = behave
    make_many(record, 6)
    list(Run())
    assert states(record) == {("DELIVERED", 0, None)}
    assert len(untold) == 6
    assert max(untold) < 3  # with sixteen threads it was all of the run


def test_a_handler_that_gathers_many_sends_what_a_second_brings(
    record: TargetUserRecord, settings: Any
) -> None:
    at_rate(settings, "20/s")
    freely.behave = lambda notifications: freely.one_after_another(list(notifications))
    make_many(record, 50)
    list(Run())
    assert states(record) == {("DELIVERED", 0, None)}
    assert 2 <= len(freely.taken) <= 5
    assert max(freely.taken) < 30


@in_real_transactions
def test_a_target_with_a_rate_holds_up_no_other(
    record: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    at_rate(settings, "5/s")
    make_many(record, 4)
    make_due(loft)
    names = [attempt.target.name for attempt in Run()]
    assert names.index("Loft") < 2
    assert len(names) == 5


def test_two_runs_share_the_rate(record: TargetUserRecord) -> None:
    first, second = (Rate(record.target, 0.5, "default") for _ in range(2))
    assert first.reserve(500)
    assert second.reserve(500)
    assert first.reserved == second.reserved == 10
    assert first.seconds_to_wait < 1
    assert 4 < second.seconds_to_wait <= 5


def test_what_a_run_does_not_use_it_gives_back(record: TargetUserRecord) -> None:
    first, second = (Rate(record.target, 0.5, "default") for _ in range(2))
    first.reserve(500)
    first.use(2)
    second.reserve(500)
    assert second.seconds_to_wait <= 1


def test_a_run_that_would_wait_too_long_leaves_the_rest_to_a_later_one(
    record: TargetUserRecord, settings: Any
) -> None:
    at_rate(settings, "1/h")
    make_many(record, 3)
    started = time.monotonic()
    run = Run()
    assert len(list(run)) == 1
    assert time.monotonic() - started < LONGEST_RATE_WAIT_SECONDS
    assert states(record) == {("DELIVERED", 0, None), ("SCHEDULED", 0, None)}
    assert list(Run()) == []
    NotificationTarget.objects.update(rate_reserved_until=timezone.now() - timedelta(seconds=1))
    assert len(list(Run())) == 1


@in_real_transactions
def test_a_run_holds_no_row_while_it_waits_and_stops_at_once(
    record: TargetUserRecord, settings: Any
) -> None:
    at_rate(settings, "2/s")
    make_many(record, 3)
    until = timezone.now() + timedelta(seconds=20)
    NotificationTarget.objects.update(rate_reserved_until=until)
    run = Run()
    held: list[int] = []

    def look_and_stop() -> None:
        time.sleep(0.5)
        run.stop()

    stopper = threading.Thread(target=look_and_stop)
    stopper.start()
    started = time.monotonic()
    attempts = iter(run)
    held.append(Notification.objects.filter(claim_token__isnull=False).count())
    assert list(attempts) == []
    stopper.join()
    assert time.monotonic() - started < 10
    assert held == [0]
    assert states(record) == {("SCHEDULED", 0, None)}
