"""A record's own server that is busy: the message waits as long as asked, and others go on."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.delivery.handlers.concurrency import concurrency_within
from django_notification_system.delivery.handlers.send_one import send_and_save
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.parallel import side_by_side
from django_notification_system.observing.observers import Observer, add_observer, remove_observer
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.handlers import freely
from tests.support.runs import make_many, states

pytestmark = pytest.mark.django_db
MINUTE = timedelta(seconds=60)
WEEK = timedelta(days=7)


class Busy:
    """A handler whose records' servers are busy, until a time if they name one."""

    not_before: datetime | None = None

    def __call__(self, notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            yield Outcome.busy(
                notification, "Slow down.", not_before=self.not_before, record_alone=True
            )


class Attempts(Observer):
    """Sees recorded attempts."""

    def __init__(self) -> None:
        self.seen: list[Outcome] = []

    def recorded(self, target: Any, token: Any, outcomes: Any) -> None:
        self.seen.extend(outcomes)


@pytest.fixture
def due(record: TargetUserRecord, make_due: MakeDue) -> Notification:
    return make_due(record)


@pytest.fixture
def busy() -> Busy:
    freely.behave = busy = Busy()
    return busy


def wait_of(notification: Notification) -> timedelta:
    """Run, and return the time from the run's end to the notification's moment."""
    list(Run())
    ended_at = timezone.now()
    notification.refresh_from_db()
    return notification.scheduled_delivery - ended_at


def test_the_rest_goes_out_in_the_same_run_and_the_target_is_not_paused(
    record: TargetUserRecord,
) -> None:
    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for number, notification in enumerate(notifications):
            if number % 2:
                yield Outcome.delivered(notification, "Sent.")
            else:
                yield Outcome.busy(notification, "Slow down.", record_alone=True)

    freely.behave = behave
    make_many(record, 40)
    run = Run()
    assert len(list(run)) == 40
    assert run.problems == {}
    record.target.refresh_from_db()
    assert record.target.paused_until is None
    assert freely.taken == [40]  # a busy provider would be left alone, and called again
    assert states(record) == {("DELIVERED", 0, None), ("SCHEDULED", 0, None)}
    assert Notification.objects.filter(status="DELIVERED").count() == 20


def test_no_fewer_messages_are_on_their_way_at_once(record: TargetUserRecord) -> None:
    concurrency = concurrency_within(8, 0.0)
    before = concurrency.at_once

    def work(notification: Notification) -> Iterator[Outcome]:
        yield Outcome.busy(notification, "Slow down.", record_alone=True)

    rows = [Notification(target_user_record=record, title=str(number)) for number in range(20)]
    assert len(list(side_by_side(work, rows, workers=concurrency))) == 20
    assert concurrency.at_once >= before


def test_a_time_that_is_named_counts(busy: Busy, due: Notification) -> None:
    busy.not_before = timezone.now() + timedelta(hours=2)
    wait_of(due)
    assert due.scheduled_delivery == busy.not_before


@pytest.mark.parametrize("named", [None, datetime(9999, 12, 31, tzinfo=UTC)])
def test_without_a_time_a_message_waits_a_minute(
    busy: Busy, due: Notification, named: datetime | None
) -> None:
    busy.not_before = named
    assert MINUTE / 2 < wait_of(due) <= MINUTE


def test_a_time_of_zero_is_a_second(busy: Busy, due: Notification) -> None:
    began_at = busy.not_before = timezone.now()
    assert wait_of(due) <= timedelta(seconds=1)
    assert due.scheduled_delivery >= began_at + timedelta(seconds=1)


def test_no_attempt_is_counted_kept_or_observed(
    busy: Busy, due: Notification, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"HISTORY": "all"}
    observer = Attempts()
    add_observer(observer)
    try:
        list(Run())
    finally:
        remove_observer(observer)
    due.refresh_from_db()
    assert (due.status, due.retry_attempts, due.attempted_delivery) == ("SCHEDULED", 0, None)
    assert due.response == "Slow down."
    assert not NotificationAttempt.objects.exists()
    assert observer.seen == []


def test_after_a_failed_attempt_the_status_stays(busy: Busy, due: Notification) -> None:
    attempted = timezone.now() - timedelta(days=1)
    Notification.objects.update(status="RETRY", retry_attempts=2, attempted_delivery=attempted)
    list(Run())
    due.refresh_from_db()
    assert (due.status, due.retry_attempts, due.attempted_delivery) == ("RETRY", 2, attempted)


def test_a_message_that_expires_before_the_named_time_expires_now(
    busy: Busy, due: Notification
) -> None:
    busy.not_before = timezone.now() + timedelta(hours=2)
    Notification.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    list(Run())
    due.refresh_from_db()
    assert (due.status, due.retry_attempts) == ("EXPIRED", 0)
    assert due.response == "Slow down. It expires before the next attempt."


def test_a_server_that_is_busy_for_weeks_is_not_asked_for_ever(
    busy: Busy, due: Notification
) -> None:
    """After a week an attempt is counted, and a new week begins."""
    busy.not_before = timezone.now() + timedelta(hours=2)
    Notification.objects.update(max_retries=2)
    began_at = timezone.now()
    Notification.objects.update(created_date=began_at - WEEK + MINUTE)
    list(Run())
    due.refresh_from_db()
    assert (due.status, due.retry_attempts) == ("SCHEDULED", 0)

    Notification.objects.update(created_date=began_at - WEEK - MINUTE)
    make_due_again()
    list(Run())
    due.refresh_from_db()
    assert (due.status, due.retry_attempts) == ("RETRY", 1)
    assert due.scheduled_delivery == busy.not_before  # the interval of an hour is over before
    assert due.attempted_delivery is not None

    make_due_again()
    list(Run())
    due.refresh_from_db()
    assert (due.status, due.retry_attempts) == ("RETRY", 1)

    Notification.objects.update(attempted_delivery=began_at - WEEK - MINUTE)
    make_due_again()
    list(Run())
    due.refresh_from_db()
    assert (due.status, due.retry_attempts) == ("DELIVERY FAILURE", 2)
    results = NotificationAttempt.objects.order_by("attempted_at").values_list("result", flat=True)
    assert list(results) == [NotificationAttempt.Result.RETRY] * 2


def test_one_message_alone_waits_as_long_as_asked(busy: Busy, due: Notification) -> None:
    """By the function of release 1.5.3, outside a run."""
    busy.not_before = timezone.now() + timedelta(seconds=5)
    assert send_and_save(busy, due) == "Slow down."
    due.refresh_from_db()
    assert (due.status, due.retry_attempts) == ("SCHEDULED", 0)
    assert due.scheduled_delivery == busy.not_before


def make_due_again() -> None:
    Notification.objects.update(scheduled_delivery=timezone.now() - MINUTE)


def test_no_message_that_waits_costs_a_query_of_its_own(
    record: TargetUserRecord, busy: Busy
) -> None:
    counts = []
    for number in (5, 25):
        make_many(record, number)
        with CaptureQueriesContext(connection) as captured:
            list(Run())
        counts.append(len(captured))
    assert counts[0] == counts[1]
