"""A provider that is down pauses its target, and costs no notification an attempt."""

import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_notification_system.delivery.claims.pause import is_paused, pause, resume
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.handlers import freely, old
from tests.support.runs import (
    NOBODY_THERE,
    down,
    in_real_transactions,
    make_many,
    pause_is_over,
    states,
)


@in_real_transactions
def test_a_provider_that_is_down_costs_no_attempts_and_holds_up_no_other_target(
    record: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    freely.behave = down
    make_many(record, 700)
    other = make_due(loft)
    run = Run()
    list(run)
    assert states(record) == {("SCHEDULED", 0, None)}
    other.refresh_from_db()
    assert other.status == Notification.DELIVERED
    record.target.refresh_from_db()
    assert record.target.paused_until is not None
    seconds = (record.target.paused_until - timezone.now()).total_seconds()
    assert 30 < seconds <= 60
    assert record.target.pause_reason == NOBODY_THERE
    assert "cannot be reached or does not answer" in run.problems["Freely"]
    assert list(run.problems) == ["Freely"]


def test_a_paused_target_is_left_alone_and_the_output_says_so(record: TargetUserRecord) -> None:
    until = timezone.now() + timedelta(hours=1)
    NotificationTarget.objects.filter(pk=record.target.pk).update(
        paused_until=until, pause_reason="Moving house"
    )
    make_many(record, 3)
    output, errors = StringIO(), StringIO()
    call_command("process_notifications", stdout=output, stderr=errors)
    assert freely.taken == []
    assert states(record) == {("SCHEDULED", 0, None)}
    assert output.getvalue() == ""
    assert f"Target 'Freely' is paused until {until.replace(microsecond=0)}" in errors.getvalue()
    assert "Moving house" in errors.getvalue()


def test_after_a_pause_a_single_notification_is_tried_first(record: TargetUserRecord) -> None:
    freely.behave = down
    make_many(record, 50)
    pause_is_over(record.target)
    run = Run()
    list(run)
    assert freely.taken == [1]
    assert states(record) == {("SCHEDULED", 0, None)}
    record.target.refresh_from_db()
    assert record.target.paused_until is not None
    assert record.target.paused_until > timezone.now()


def test_when_the_provider_is_back_all_goes_out_and_the_pause_ends(
    record: TargetUserRecord,
) -> None:
    freely.behave = lambda notifications: freely.one_after_another(list(notifications))
    make_many(record, 50)
    pause_is_over(record.target)
    list(Run())
    assert freely.taken == [1, 49]
    assert states(record) == {("DELIVERED", 0, None)}
    record.target.refresh_from_db()
    assert (record.target.paused_until, record.target.pause_reason) == (None, "")


def test_a_provider_that_never_answers_is_left_alone_too(record: TargetUserRecord) -> None:
    """Each message may have gone out, and so counts; the others keep their attempts."""

    def silent(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            yield Outcome.unknown(notification, "ReadTimeout: no answer", unreachable=True)

    freely.behave = silent
    make_many(record, 100)
    run = Run()
    list(run)
    assert Notification.objects.filter(status="RETRY", retry_attempts=1).count() == 10
    assert Notification.objects.filter(status="SCHEDULED", retry_attempts=0).count() == 90
    assert "(ReadTimeout: no answer)" in run.problems["Freely"]


@pytest.mark.parametrize("number", [1, 5, 9])
def test_a_provider_that_is_down_costs_nothing_however_few_are_due(
    record: TargetUserRecord, number: int
) -> None:
    freely.behave = down
    make_many(record, number)
    before = dict(Notification.objects.values_list("pk", "scheduled_delivery"))
    for _ in range(5):
        run = Run()
        attempts = list(run)
        assert "cannot be reached or does not answer" in run.problems["Freely"]
        assert {attempt.response for attempt in attempts} == {run.problems["Freely"]}
        assert states(record) == {("SCHEDULED", 0, None)}
        assert not NotificationAttempt.objects.exists()
        if number == 1 and before is not None:
            assert dict(Notification.objects.values_list("pk", "scheduled_delivery")) == before
            before = None
        record.target.refresh_from_db()
        assert is_paused(record.target)
        pause_is_over(record.target)
    freely.behave = freely.one_after_another
    list(Run())
    assert states(record) == {("DELIVERED", 0, None)}


def test_what_waits_for_another_attempt_keeps_those_that_it_has(record: TargetUserRecord) -> None:
    freely.behave = down
    make_many(record, 3)
    Notification.objects.update(status="RETRY", retry_attempts=2, attempted_delivery=timezone.now())
    list(Run())
    assert states(record) == {("RETRY", 2, None)}


def now_and_then(**trouble: bool) -> Any:
    """Let every tenth through, and say of the others that the provider is in trouble."""

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for number, notification in enumerate(notifications):
            if number % 10 == 9:
                yield Outcome.delivered(notification, "Sent.")
            else:
                yield Outcome.retry(notification, NOBODY_THERE, **trouble)

    return behave


def test_what_does_not_get_through_beside_others_waits_a_while_and_counts_nothing(
    record: TargetUserRecord,
) -> None:
    freely.behave = now_and_then(unreachable=True)
    make_many(record, 100)
    start = timezone.now()
    run = Run()
    list(run)
    assert run.problems == {}
    assert states(record) == {("DELIVERED", 0, None), ("SCHEDULED", 0, None)}
    waiting = Notification.objects.filter(status="SCHEDULED")
    assert set(waiting.values_list("response", "attempted_delivery")) == {(NOBODY_THERE, None)}
    assert not NotificationAttempt.objects.exists()
    for moment in waiting.values_list("scheduled_delivery", flat=True):
        assert 55 < (moment - start).total_seconds() < 75


def test_what_the_provider_cannot_process_while_it_takes_others_is_an_attempt(
    record: TargetUserRecord,
) -> None:
    """The message may be what puts it out of order; else it would be tried for ever."""
    freely.behave = now_and_then(out_of_order=True)
    make_many(record, 100)
    run = Run()
    list(run)
    assert run.problems == {}
    assert states(record) == {("DELIVERED", 0, None), ("RETRY", 1, None)}


def test_a_single_notification_keeps_the_others_waiting_no_longer_than_two_pauses(
    record: TargetUserRecord,
) -> None:
    """One that makes the provider stumble is not tried first for ever."""

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            if notification.title == "stumbling block":
                yield Outcome.retry(notification, "HTTP 500", out_of_order=True)
            else:
                yield Outcome.delivered(notification, "Sent.")

    freely.behave = behave
    make_many(record, 1)
    Notification.objects.update(title="stumbling block")
    list(Run())
    make_many(record, 4)
    pause_is_over(record.target)
    list(Run())
    assert not Notification.objects.filter(status="DELIVERED").exists()
    pause_is_over(record.target)
    list(Run())
    assert Notification.objects.filter(status="DELIVERED").count() == 4
    assert Notification.objects.get(title="stumbling block", status="RETRY").retry_attempts == 1


@pytest.mark.parametrize("minutes", [5, -5])
def test_what_was_tried_in_vain_goes_behind_all_that_is_due(
    minutes: int, record: TargetUserRecord
) -> None:
    """By the clock and by the run's moment, which may be another host's, or some minutes old."""
    freely.behave = down
    make_many(record, 2)
    first, second = Notification.objects.order_by("scheduled_delivery")
    pause_is_over(record.target)
    now = timezone.now()
    due_by = now + timedelta(minutes=minutes)
    list(Run(due_by=due_by))
    assert freely.taken == [1]
    earliest = max(due_by + timedelta(microseconds=1), now)
    first.refresh_from_db()
    assert earliest <= first.scheduled_delivery <= earliest + timedelta(seconds=30)
    assert Notification.objects.get(scheduled_delivery__lt=now) == second


def test_a_provider_that_is_down_costs_a_handler_that_sends_alone_nothing(
    record: TargetUserRecord, make_due: MakeDue
) -> None:
    """``send_notification()`` speaks ``Outcome`` too."""
    NotificationTarget.objects.update(notification_module_name="old")
    old.behave = lambda notification: Outcome.retry(notification, NOBODY_THERE, unreachable=True)
    notification = make_due(record)
    run = Run()
    list(run)
    assert "cannot be reached" in run.problems["Freely"]
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)


@pytest.mark.parametrize("minutes", [10, -10])
def test_pauses_begin_and_end_by_the_databases_clock(
    record: TargetUserRecord, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """A host that is ten minutes ahead pauses for no longer, one that is behind for no less."""
    monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) + timedelta(minutes=minutes))
    pause(record.target, 60, reason="", using="default")
    record.target.refresh_from_db()
    assert record.target.paused_until is not None
    assert 50 < (record.target.paused_until - datetime.now(UTC)).total_seconds() < 70
    assert is_paused(record.target)
    NotificationTarget.objects.update(paused_until=datetime.now(UTC) - timedelta(seconds=1))
    record.target.refresh_from_db()
    assert not is_paused(record.target)


def test_a_run_ends_only_the_pause_that_it_began_with(record: TargetUserRecord) -> None:
    """Another run may have found the provider down again, and a person may have paused it."""
    pause_is_over(record.target)
    record.target.refresh_from_db()
    other = NotificationTarget.objects.get(pk=record.target.pk)
    pause(other, 60, reason="Moving house", using="default")
    resume(record.target, using="default")
    other.refresh_from_db()
    assert other.pause_reason == "Moving house"
    assert is_paused(other)
    resume(other, using="default")
    other.refresh_from_db()
    assert (other.paused_until, other.pause_reason) == (None, "")


@in_real_transactions
def test_ten_failures_in_a_row_are_enough_for_a_pause_of_a_minute(
    record: TargetUserRecord,
) -> None:
    tried: list[str] = []

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            tried.append(notification.title)
            yield Outcome.retry(notification, NOBODY_THERE, unreachable=True)

    freely.behave = behave
    make_many(record, 40)
    list(Run())
    assert len(tried) == 10
    record.target.refresh_from_db()
    assert record.target.paused_until is not None
    assert 50 < (record.target.paused_until - timezone.now()).total_seconds() <= 60


def test_the_number_and_the_time_are_settings(record: TargetUserRecord, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"PAUSE_AFTER": 2, "PAUSE_SECONDS": 3600}
    freely.behave = down
    make_many(record, 5)
    list(Run())
    assert states(record) == {("SCHEDULED", 0, None)}
    record.target.refresh_from_db()
    assert record.target.paused_until is not None
    assert record.target.paused_until > timezone.now() + timedelta(minutes=50)


def test_the_command_fails_on_request_while_a_provider_is_down(record: TargetUserRecord) -> None:
    freely.behave = down
    make_many(record, 20)
    errors = StringIO()
    with pytest.raises(CommandError, match="20 notifications were not delivered"):
        call_command("process_notifications", fail_on_error=True, stdout=StringIO(), stderr=errors)
    assert "cannot be reached" in errors.getvalue()


@in_real_transactions
def test_a_lane_at_work_heeds_a_pause(record: TargetUserRecord) -> None:
    """A person pauses the target in the admin, because something is wrong with what goes out."""

    is_paused = threading.Event()

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for number, notification in enumerate(notifications):
            if number == 110:
                assert is_paused.wait(10)
                time.sleep(1.2)  # it is looked at once a second
            yield Outcome.delivered(notification, "Sent")

    freely.behave = behave
    make_many(record, 400)
    run = Run()
    reports = []
    for report in run:
        reports.append(report)
        if not is_paused.is_set():
            until = timezone.now() + timedelta(hours=1)
            NotificationTarget.objects.filter(pk=record.target_id).update(
                paused_until=until, pause_reason="A wrong price in it"
            )
            is_paused.set()
    delivered = Notification.objects.filter(status=Notification.DELIVERED).count()
    assert 110 < delivered <= 220
    assert "A wrong price in it" in run.problems["Freely"]
    assert any("A wrong price in it" in report.response for report in reports)
    assert not Notification.objects.filter(claim_token__isnull=False).exists()
    assert NotificationTarget.objects.get(pk=record.target_id).paused_until is not None
