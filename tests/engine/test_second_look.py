"""What is to be sent is looked at until the last moment: its time, and whose it is."""

import threading
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system.delivery.claims.claim import Claim
from django_notification_system.delivery.runs import intake
from django_notification_system.delivery.runs.instant import Instant
from django_notification_system.delivery.runs.run import Run
from django_notification_system.delivery.runs.sources import DueSource
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers import parallel
from django_notification_system.notification_handlers.base import begin_sending
from django_notification_system.notification_handlers.parallel import side_by_side
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.handlers import freely, old
from tests.support.handlers import loft as loft_handler

LATER = timedelta(hours=1)


def make_many(record: TargetUserRecord, make_due: MakeDue, number: int) -> None:
    start = timezone.now() - timedelta(hours=1)
    for index in range(number):
        make_due(
            record,
            title=f"number {index}",
            scheduled_delivery=start + timedelta(seconds=index),
        )


def rows(first: int, until: int) -> Any:
    return Notification.objects.filter(title__in=[f"number {n}" for n in range(first, until)])


@pytest.fixture
def looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As though each row had waited in the lane for long, behind a slow server."""
    monkeypatch.setattr(intake, "RECHECK_AFTER_SECONDS", 0.0)


def test_what_is_put_off_while_it_waits_in_a_claim_is_not_sent(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_many(loft, make_due, 130)
    later = timezone.now() + LATER

    def put_off(notification: Notification) -> None:
        if len(loft_handler.flown) == 10:
            rows(100, 120).update(scheduled_delivery=later)

    loft_handler.watchers.append(put_off)
    said = {attempt.notification.title: attempt.response for attempt in Run()}
    assert len(loft_handler.flown) == 110
    for row in rows(100, 120):
        assert (row.status, row.scheduled_delivery) == ("SCHEDULED", later)
        assert (row.claim_token, row.interruptions) == (None, 0)
        assert said[row.title] == "Not sent: somebody rescheduled it meanwhile."
    assert set(rows(120, 130).values_list("status", flat=True)) == {"DELIVERED"}


class FromAhead(DueSource):
    """Claims by a moment that moves on after the run has begun."""

    ahead = timedelta()

    def take(self, target: NotificationTarget, size: int, *, interrupted: bool) -> Claim:
        self.due_by += self.ahead
        self.ahead = timedelta()
        return super().take(target, size, interrupted=interrupted)


@pytest.mark.parametrize("moves_on", [False, True])
def test_what_is_due_by_the_claims_clock_is_not_taken_for_put_off(
    moves_on: bool, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    """The clock of the host that claims may be ahead, or be set back after a claim."""
    now, ahead = timezone.now(), timedelta(minutes=5)
    for number in range(60):
        make_due(loft, title=f"number {number}", scheduled_delivery=now + ahead)
    source = FromAhead(
        [loft.target],
        using="default",
        is_stopping=lambda: False,
        # The target is found by rows that are due in any case.
        due_by=now if moves_on else now + ahead,
    )
    source.ahead = ahead if moves_on else timedelta()
    make_due(loft, title="in any case", scheduled_delivery=now)
    list(Run(source=source))
    assert len(loft_handler.flown) == 61
    assert set(Notification.objects.values_list("status", flat=True)) == {"DELIVERED"}


def test_what_expires_while_it_waits_in_a_claim_is_not_sent(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_many(loft, make_due, 130)

    def let_expire(notification: Notification) -> None:
        if len(loft_handler.flown) == 10:
            rows(100, 120).update(expires_at=timezone.now())

    loft_handler.watchers.append(let_expire)
    list(Run())
    assert len(loft_handler.flown) == 110
    assert set(rows(100, 120).values_list("status", flat=True)) == {"EXPIRED"}


def test_what_expires_in_the_first_slice_is_not_sent_either(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="first")
    expires_at = timezone.now() + timedelta(seconds=1.5)
    late = make_due(loft, title="late", expires_at=expires_at)
    in_time = make_due(loft, title="in time", expires_at=expires_at + LATER)

    def outlast(notification: Notification) -> None:
        if notification.title == "first":
            while timezone.now() <= expires_at:
                time.sleep(0.01)

    loft_handler.watchers.append(outlast)
    list(Run())
    late.refresh_from_db()
    in_time.refresh_from_db()
    assert loft_handler.flown == ["first", "in time"]
    assert (late.status, late.response) == ("EXPIRED", "Not sent: it has expired.")
    assert in_time.status == "DELIVERED"


def test_a_longer_time_that_was_given_meanwhile_counts(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="first")
    longer = make_due(loft, title="longer")
    # Long enough for a busy machine to claim it in time.
    expires_at = timezone.now() + timedelta(seconds=3)
    Notification.objects.filter(pk=longer.pk).update(expires_at=expires_at)

    def prolong(notification: Notification) -> None:
        Notification.objects.filter(pk=longer.pk).update(expires_at=expires_at + LATER)
        while timezone.now() <= expires_at:
            time.sleep(0.01)

    loft_handler.watchers.append(prolong)
    list(Run())
    assert loft_handler.flown == ["first", "longer"]


def test_behind_a_slow_server_what_is_already_in_the_lane_is_looked_at_again(
    loft: TargetUserRecord, make_due: MakeDue, looks_each_time: None
) -> None:
    make_many(loft, make_due, 8)

    def change(notification: Notification) -> None:
        if notification.title == "number 0":
            rows(1, 2).update(status=Notification.CANCELLED)
            rows(2, 3).update(scheduled_delivery=timezone.now() + LATER)
            rows(3, 4).delete()
            rows(4, 5).update(expires_at=timezone.now())
        if notification.title == "number 6":
            NotificationOptOut.objects.create(user=loft.user, active=True)

    loft_handler.watchers.append(change)
    list(Run())
    assert loft_handler.flown == ["number 0", "number 5", "number 6"]
    statuses = rows(0, 8).order_by("created_date").values_list("status", flat=True)
    assert list(statuses) == [
        "DELIVERED",
        "CANCELLED",
        "OPTED OUT",  # which was put off
        "EXPIRED",
        "DELIVERED",
        "DELIVERED",
        "OPTED OUT",
    ]
    assert not Notification.objects.filter(claim_token__isnull=False).exists()


def test_what_others_have_taken_meanwhile_is_not_sent_again(
    loft: TargetUserRecord, make_due: MakeDue, looks_each_time: None
) -> None:
    """As where the process slept longer than its lease."""
    make_many(loft, make_due, 5)
    other = Notification.objects.get(title="number 4").pk

    def take(notification: Notification) -> None:
        if notification.title == "number 1":
            rows(2, 5).update(claim_token=other, claimed_until=timezone.now() + LATER)

    loft_handler.watchers.append(take)
    list(Run())
    assert loft_handler.flown == ["number 0", "number 1"]
    assert Notification.objects.filter(claim_token=other).count() == 3


def test_at_a_rate_each_row_that_waits_for_long_is_looked_at_once(
    loft: TargetUserRecord, make_due: MakeDue, looks_each_time: None, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"loft": {"rate": "200/s"}}
    make_many(loft, make_due, 5)
    list(Run())
    assert len(loft_handler.flown) == 5


@pytest.fixture
def record(loft: TargetUserRecord) -> Iterator[TargetUserRecord]:
    target = NotificationTarget.objects.create(name="Freely", notification_module_name="freely")
    yield TargetUserRecord.objects.create(user=loft.user, target=target, target_user_id="here")
    freely.behave = freely.one_after_another
    freely.taken.clear()


def test_after_a_sleep_a_worker_begins_no_row_that_it_was_given_before(
    record: TargetUserRecord, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may sleep between two rows of a worker's portion, and others send the rest."""
    # However busy the machine is, the portions grow: 0, 1 to 2, 3 to 6, 7 to 14.
    monkeypatch.setattr(parallel, "FAST_SECONDS", 60.0)
    make_many(record, make_due, 30)
    other = Notification.objects.get(title="number 29").pk
    sent: list[str] = []
    overtaken = threading.Event()

    def work(notification: Notification) -> list[Outcome]:
        begin_sending(notification)
        sent.append(notification.title)
        if notification.title == "number 8":
            assert overtaken.wait(60)
        return [Outcome.delivered(notification, "Sent.")]

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for outcome in side_by_side(work, notifications, workers=1, most_together=8):
            if outcome.notification.title == "number 7":
                rows(9, 30).update(claim_token=other, claimed_until=timezone.now() + LATER)
                monkeypatch.setattr(Instant, "age", property(lambda instant: 1000.0))
                overtaken.set()
            yield outcome

    freely.behave = behave
    list(Run())
    assert sent == [f"number {number}" for number in range(9)]
    assert set(rows(0, 9).values_list("status", flat=True)) == {"DELIVERED"}
    assert rows(9, 30).filter(claim_token=other, status="SCHEDULED").count() == 21


@pytest.mark.parametrize(
    ("word", "status"),
    [("try again", "CANCELLED"), ("never", "CANCELLED"), ("sent", "DELIVERED")],
)
def test_only_a_delivery_overrules_a_cancellation(
    record: TargetUserRecord, make_due: MakeDue, word: str, status: str
) -> None:
    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            rows = Notification.objects.filter(pk=notification.pk)
            rows.update(status=Notification.CANCELLED)
            if word == "sent":
                yield Outcome.delivered(notification, word)
            elif word == "never":
                yield Outcome.failed(notification, word)
            else:
                yield Outcome.retry(notification, word)

    freely.behave = behave
    notification = make_due(record)
    list(Run())
    notification.refresh_from_db()
    assert notification.status == status


def test_a_late_try_again_does_not_overrule_that_it_was_put_off(
    record: TargetUserRecord, make_due: MakeDue
) -> None:
    tomorrow = timezone.now() + timedelta(days=1)

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            if notification.title.startswith("put off"):
                Notification.objects.filter(pk=notification.pk).update(scheduled_delivery=tomorrow)
            if notification.title.endswith("fails"):
                yield Outcome.failed(notification, "Never.")
            else:
                yield Outcome.retry(notification, "Not now.")

    freely.behave = behave
    titles = ["put off", "kept", "put off 2", "put off, fails"]
    made = [
        make_due(record, title=title, retry_time_interval=minutes)
        for minutes, title in enumerate(titles, start=10)
    ]
    list(Run())
    for row in made:
        row.refresh_from_db()
    assert [row.status for row in made] == ["RETRY", "RETRY", "RETRY", "DELIVERY FAILURE"]
    assert [row.retry_attempts for row in made] == [1, 1, 1, 1]
    assert [row.scheduled_delivery == tomorrow for row in made] == [True, False, True, True]
    assert timedelta(minutes=10) < made[1].scheduled_delivery - timezone.now() < LATER


def test_what_a_handler_of_1_5_3_saves_counts_all_the_same(
    record: TargetUserRecord, make_due: MakeDue
) -> None:
    NotificationTarget.objects.filter(pk=record.target_id).update(notification_module_name="old")
    wanted = timezone.now() + timedelta(minutes=5)

    def send(notification: Notification) -> str:
        Notification.objects.filter(pk=notification.pk).update(
            scheduled_delivery=timezone.now() + LATER
        )
        notification.scheduled_delivery = wanted
        notification.status = "RETRY"
        notification.save()
        return "In five minutes."

    old.behave = send
    try:
        notification = make_due(record)
        list(Run())
    finally:
        old.behave = None
    notification.refresh_from_db()
    assert notification.scheduled_delivery == wanted
