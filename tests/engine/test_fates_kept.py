"""What is kept of attempts: their history, and hard bounces."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.delivery.claims.claim import Claim
from django_notification_system.delivery.claims.due import Due
from django_notification_system.delivery.claims.take import take
from django_notification_system.delivery.handlers.send_one import send_and_save
from django_notification_system.delivery.outcomes.record import record_outcomes
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    TargetUserRecord,
)
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.fates_support import history, run, settled
from tests.support.handlers import loft as loft_handler

pytestmark = pytest.mark.django_db


def claim(record: TargetUserRecord) -> Claim:
    return take(
        Due(target=record.target, due_by=timezone.now(), using="default"), 500, lease_seconds=300
    )


# --- History --------------------------------------------------------------------------------


def test_each_failed_attempt_is_kept(loft: TargetUserRecord, make_due: MakeDue) -> None:
    for title in ("retry", "fail", "fog", "gone", "ok"):
        make_due(loft, title=title)
    run()
    assert sorted(history()) == [
        ("FAILED", "Moved away."),
        ("FAILED", "There is no such loft."),
        ("RETRY", "A hawk was about."),
        ("UNKNOWN", "Last seen in fog."),
    ]
    attempt = NotificationAttempt.objects.get(result="RETRY")
    assert attempt.notification.title == "retry"
    assert attempt.attempted_at == attempt.notification.attempted_delivery


def test_each_attempt_of_a_notification_is_kept(loft: TargetUserRecord, make_due: MakeDue) -> None:
    notification = make_due(loft, title="retry", retry_time_interval=0)
    for _ in range(4):
        run()
    assert [attempt.response for attempt in notification.attempts.all()] == [
        "A hawk was about."
    ] * 3


@pytest.mark.parametrize(
    ("setting", "kept"),
    [("all", ["DELIVERED", "RETRY"]), ("failed", ["RETRY"]), ("none", [])],
)
def test_the_setting_says_which_attempts_are_kept(
    setting: str, kept: list[str], loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"HISTORY": setting}
    make_due(loft, title="ok")
    make_due(loft, title="retry")
    run()
    assert sorted(result for result, _ in history()) == kept
    if setting == "all":
        delivered = NotificationAttempt.objects.get(result="DELIVERED")
        assert delivered.provider_message_id == "ring-ok"


def test_a_kept_attempt_has_a_key_that_begins_with_its_moment(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="retry")
    run()
    attempt = NotificationAttempt.objects.get()
    assert attempt.pk.int >> 96 == int(attempt.attempted_at.timestamp())


def test_delivering_outside_a_run_keeps_the_attempt(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    send_and_save(loft_handler.deliver, make_due(loft, title="fail"))
    send_and_save(loft_handler.deliver, make_due(loft, title="ok"))
    assert history() == [("FAILED", "There is no such loft.")]


def test_what_is_delivered_costs_the_history_no_query(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    costs = []
    for setting in ("none", "failed"):
        settings.NOTIFICATION_SYSTEM = {"HISTORY": setting}
        make_due(loft, title=f"{setting} 1")
        make_due(loft, title=f"{setting} 2")
        held = claim(loft)
        outcomes = [settled(Outcome.delivered(row, "Cooed.")) for row in held.notifications]
        with CaptureQueriesContext(connection) as queries:
            record_outcomes(held, outcomes)
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_many_failures_are_kept_in_few_queries(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    counts = []
    for number in (1, 30):
        for each in range(number):
            make_due(loft, title=f"{number} {each}")
        held = claim(loft)
        outcomes = [settled(Outcome.failed(row, "No.")) for row in held.notifications]
        with CaptureQueriesContext(connection) as queries:
            record_outcomes(held, outcomes)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert NotificationAttempt.objects.count() == 31


def test_a_notification_deleted_meanwhile_does_not_keep_others_from_being_recorded(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    deleted, other = make_due(loft, title="deleted"), make_due(loft, title="other")
    held = claim(loft)
    outcomes = [settled(Outcome.failed(row, "No.")) for row in held.notifications]
    Notification.objects.filter(pk=deleted.pk).delete()
    record_outcomes(held, outcomes)
    other.refresh_from_db()
    assert other.status == "DELIVERY FAILURE"
    assert [attempt.notification for attempt in NotificationAttempt.objects.all()] == [other]


def test_attempts_go_with_their_notification(loft: TargetUserRecord, make_due: MakeDue) -> None:
    make_due(loft, title="fail")
    run()
    Notification.objects.all().delete()
    assert history() == []


def test_an_outcome_that_is_recorded_twice_is_kept_once(
    loft: TargetUserRecord, make_due: MakeDue, caplog: pytest.LogCaptureFixture
) -> None:
    """As where the answer to a commit was lost, and nobody could know."""
    make_due(loft)
    held = claim(loft)
    outcomes = [settled(Outcome.failed(row, "No.")) for row in held.notifications]
    record_outcomes(held, outcomes)
    record_outcomes(held, outcomes)
    assert history() == [("FAILED", "No.")]
    assert "cannot be stored" not in caplog.text


class Elsewhere:
    """A router by which attempts and notifications have nothing to do with each other."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "elsewhere" if model is NotificationAttempt else None

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool | None:
        return False if NotificationAttempt in (type(one), type(other)) else None


def test_attempts_are_kept_where_their_notification_is(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    make_due(loft, title="fail")
    settings.DATABASE_ROUTERS = [Elsewhere()]
    run()
    assert history() == [("FAILED", "There is no such loft.")]


# --- Hard bounces ---------------------------------------------------------------------------


def bounce(notification: Notification) -> Outcome:
    return Outcome.failed(notification, "550 5.1.1 No such user", hard_bounce=True)


@pytest.mark.parametrize(
    ("limit", "statuses"),
    [
        (None, ["INACTIVE DEVICE", "INACTIVE DEVICE"]),
        (2, ["DELIVERY FAILURE", "INACTIVE DEVICE"]),
    ],
)
def test_enough_hard_bounces_switch_a_record_off(
    limit: int | None,
    statuses: list[str],
    loft: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    settings.NOTIFICATION_SYSTEM = {} if limit is None else {"HARD_BOUNCES": limit}
    made = []
    for number in range(2):
        make_due(loft, title=f"bounce {number}")
        held = claim(loft)
        record_outcomes(held, [settled(bounce(row)) for row in held.notifications])
        made.append(held.notifications[0].status)
        loft.refresh_from_db()
        assert loft.hard_bounces == number + 1
        assert loft.active == (number + 1 < (limit or 1))
    assert made == statuses


def test_a_hard_bounce_of_a_former_address_is_not_the_new_ones(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft)
    held = claim(loft)
    TargetUserRecord.objects.filter(pk=loft.pk).update(target_user_id="south tower")
    record_outcomes(held, [settled(bounce(row)) for row in held.notifications])
    loft.refresh_from_db()
    assert (loft.active, loft.hard_bounces) == (True, 0)


def test_hard_bounces_outside_a_run_count_too(loft: TargetUserRecord, make_due: MakeDue) -> None:
    notification = make_due(loft)
    send_and_save(lambda rows: (bounce(row) for row in rows), notification)
    loft.refresh_from_db()
    assert (loft.active, loft.hard_bounces) == (False, 1)
    assert notification.target_user_record.active is False


def test_what_was_reported_of_an_earlier_message_is_wiped_out(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    now = timezone.now()
    again = {"provider_status": "read", "confirmed_at": now, "receipt_due_at": now}
    again |= {"status": "RETRY"}
    for title in ("ok", "retry"):
        make_due(loft, title=title, provider_message_id="earlier", **again)
    make_due(loft, title="new")
    run()
    for row in Notification.objects.all():
        assert (row.provider_status, row.confirmed_at, row.receipt_due_at) == ("", None, None)
    ids = Notification.objects.order_by("title").values_list("provider_message_id", flat=True)
    assert list(ids) == ["ring-new", "ring-ok", ""]
