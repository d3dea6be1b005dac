"""Claims, leases and lanes: what holds when runs overlap, stall or end early."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone, translation

from django_notification_system import signals
from django_notification_system.delivery.claims.claim import Claim
from django_notification_system.delivery.claims.due import Due
from django_notification_system.delivery.claims.take import take
from django_notification_system.delivery.outcomes.apply import apply
from django_notification_system.delivery.outcomes.record import record_outcomes
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.handlers import loft as loft_handler
from tests.support.handlers import slow
from tests.support.runs import in_real_transactions
from tests.support.watching import watching_run


def claim(record: TargetUserRecord, size: int = 500, lease_seconds: int = 300) -> Claim:
    return take(
        Due(target=record.target, due_by=timezone.now(), using="default"),
        size,
        lease_seconds=lease_seconds,
    )


def record_delivered(claim: Claim, response: str) -> None:
    outcomes = [Outcome.delivered(row, response) for row in claim.notifications]
    for outcome in outcomes:
        apply(outcome, at=timezone.now(), due_by=timezone.now(), when_unknown="retry")
    record_outcomes(claim, outcomes)


def end_lease(claim: Claim) -> None:
    Notification.objects.filter(claim_token=claim.token).update(
        claimed_until=F("claimed_until") - timedelta(hours=1)
    )


def test_two_claims_never_hold_the_same_row(loft: TargetUserRecord, make_due: MakeDue) -> None:
    for number in range(5):
        make_due(loft, title=f"number {number}")
    first, second, third = claim(loft, size=3), claim(loft, size=3), claim(loft)
    keys = [[row.pk for row in each.notifications] for each in (first, second, third)]
    assert [len(each) for each in keys] == [3, 2, 0]
    assert len(set(keys[0] + keys[1])) == 5


def test_a_claim_is_for_one_target(
    loft: TargetUserRecord, records: dict[str, TargetUserRecord], make_due: MakeDue
) -> None:
    make_due(records["Email"])
    mine = make_due(loft)
    assert claim(loft).notifications == [mine]


def test_the_rows_of_a_dead_run_are_due_again_when_the_lease_ends(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft)
    dead = claim(loft)
    assert claim(loft).notifications == []
    end_lease(dead)
    assert claim(loft).notifications == dead.notifications


def test_a_lease_can_be_renewed(loft: TargetUserRecord, make_due: MakeDue) -> None:
    make_due(loft)
    held = claim(loft)
    end_lease(held)
    held.renew([row.pk for row in held.notifications], 300)
    assert claim(loft).notifications == []


@pytest.mark.parametrize(("of_this_host", "of_another"), [(0, 5), (5, 0)])
@pytest.mark.skipif(TEST_DATABASE != "mariadb", reason="elsewhere a moment has its time zone")
def test_hosts_in_other_time_zones_agree_on_a_lease(
    of_this_host: int, of_another: int, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    """As where one host's settings have another TIME_ZONE for the database."""
    make_due(loft)
    with connection.cursor() as cursor:
        try:
            cursor.execute("SET time_zone = %s", [f"+{of_this_host:02}:00"])
            dead = claim(loft)
            cursor.execute("SET time_zone = %s", [f"+{of_another:02}:00"])
            assert claim(loft).notifications == []
            Notification.objects.update(claimed_until=F("claimed_until") - timedelta(minutes=6))
            assert claim(loft).notifications == dead.notifications
        finally:
            cursor.execute("SET time_zone = DEFAULT")


def test_a_run_that_lost_its_lease_cannot_overwrite_what_another_recorded(
    loft: TargetUserRecord, make_due: MakeDue, caplog: pytest.LogCaptureFixture
) -> None:
    notification = make_due(loft)
    slow_run = claim(loft)
    end_lease(slow_run)
    record_delivered(claim(loft), "By the second run.")
    record_delivered(slow_run, "By the first run.")
    slow_run.release([notification.pk])
    slow_run.renew([notification.pk], 300)
    notification.refresh_from_db()
    assert notification.response == "By the second run."
    assert notification.claim_token is None
    assert "1 of 1 outcomes were not recorded" in caplog.text


def test_outcomes_of_many_kinds_are_recorded_together(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    for number, kind in enumerate(["ok", "retry", "fail", "fog", "gone", "ok", "retry"]):
        make_due(loft, title=f"{kind} {number}", retry_time_interval=number * 10)
    list(Run())
    rows = {row.title.split()[1]: row for row in Notification.objects.all()}
    assert [rows[str(number)].status for number in range(7)] == [
        "DELIVERED",
        "RETRY",
        "DELIVERY FAILURE",
        "RETRY",
        "INACTIVE DEVICE",
        "DELIVERED",
        "RETRY",
    ]
    assert rows["0"].provider_message_id == "ring-ok 0"
    assert rows["5"].provider_message_id == "ring-ok 5"
    apart = rows["6"].scheduled_delivery - rows["1"].scheduled_delivery
    assert timedelta(minutes=49) < apart < timedelta(minutes=51)


def test_an_opt_out_between_claim_and_send_holds_back_the_next_slices(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    for number in range(250):
        make_due(loft, title=f"number {number}")

    def opt_out(notification: Notification) -> None:
        if len(loft_handler.flown) == 50:
            NotificationOptOut.objects.create(user=loft.user, active=True)

    loft_handler.watchers.append(opt_out)
    list(Run())
    assert len(loft_handler.flown) == 100
    statuses = Notification.objects.values_list("status", flat=True)
    # The opt-out marked all 250; the 100 that were on their way are truly delivered.
    assert sorted(statuses) == ["DELIVERED"] * 100 + ["OPTED OUT"] * 150
    assert not Notification.objects.filter(claim_token__isnull=False).exists()


def test_what_changes_between_claim_and_send_is_settled_rightly(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    other = TargetUserRecord.objects.create(
        user=loft.user, target=loft.target, target_user_id="south tower"
    )
    start = timezone.now() - timedelta(hours=1)
    for number in range(100):
        make_due(loft, title=f"number {number}", scheduled_delivery=start)
    deleted = make_due(loft, title="deleted")
    settled = make_due(loft, title="settled")
    switched_off = make_due(other, title="switched off")
    still_wanted = make_due(loft, title="still wanted")

    def change(notification: Notification) -> None:
        if len(loft_handler.flown) == 10:
            Notification.objects.filter(pk=deleted.pk).delete()
            Notification.objects.filter(pk=settled.pk).update(status="DELIVERY FAILURE")
            TargetUserRecord.objects.filter(pk=other.pk).update(active=False)

    loft_handler.watchers.append(change)
    attempts = {attempt.notification.title: attempt.response for attempt in Run()}
    assert loft_handler.flown[100:] == ["still wanted"]
    assert attempts["settled"] == "Not sent: somebody else changed it meanwhile."
    assert "deleted" not in attempts
    settled.refresh_from_db()
    switched_off.refresh_from_db()
    still_wanted.refresh_from_db()
    assert settled.status == "DELIVERY FAILURE"
    assert switched_off.status == "INACTIVE DEVICE"
    assert still_wanted.status == "DELIVERED"
    assert not Notification.objects.filter(claim_token__isnull=False).exists()


def test_stopping_finishes_what_is_in_flight_and_releases_the_rest(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    for number in range(10):
        make_due(loft, title=f"number {number}")
    run = Run()

    def stop(notification: Notification) -> None:
        if len(loft_handler.flown) == 2:
            run.stop()

    loft_handler.watchers.append(stop)
    assert len(list(run)) == 3
    assert Notification.objects.filter(status="DELIVERED").count() == 3
    assert Notification.objects.filter(status="SCHEDULED").count() == 7
    assert not Notification.objects.filter(claim_token__isnull=False).exists()


@pytest.fixture
def slow_target(settings: Any, django_user_model: Any) -> Iterator[TargetUserRecord]:
    """A record in a target whose handler waits until the test lets it go on."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    slow.begun.clear()
    slow.may_end.clear()
    yield TargetUserRecord.objects.create(
        user=django_user_model.objects.create(username="snail"),
        target=NotificationTarget.objects.create(name="Slow", notification_module_name="slow"),
        target_user_id="garden",
    )
    slow.may_end.set()


@in_real_transactions
def test_a_slow_target_holds_up_no_other(
    slow_target: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(slow_target)
    for number in range(3):
        make_due(loft, title=f"number {number}")
    names = []
    for attempt in Run():
        names.append(attempt.target.name)
        if names.count("Loft") == 3:
            slow.may_end.set()
    assert names == ["Loft", "Loft", "Loft", "Slow"]


@in_real_transactions
def test_a_run_that_is_asked_to_looks_for_other_targets_while_one_is_slow(
    slow_target: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    """As ``--watch`` does: what comes due meanwhile need not wait for the slow one."""
    make_due(slow_target)
    names = []

    def is_more_due() -> bool:
        if slow.begun.is_set() and not Notification.objects.filter(title="late").exists():
            make_due(loft, title="late", scheduled_delivery=timezone.now())
            return True
        return False

    for attempt in watching_run(is_more_due):
        names.append(attempt.target.name)
        slow.may_end.set()
    assert names == ["Loft", "Slow"]


@in_real_transactions
def test_outcomes_are_recorded_soon_though_the_handler_is_slow(
    slow_target: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    sent = make_due(loft)
    make_due(slow_target)
    attempts = iter(Run())
    next(attempts)
    sent.refresh_from_db()
    assert sent.status == Notification.DELIVERED
    slow.may_end.set()
    assert len(list(attempts)) == 1


@in_real_transactions
def test_a_handler_that_hangs_is_left_behind_when_its_lease_ends(
    slow_target: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"LEASE_SECONDS": 2}
    hung, behind_it = make_due(slow_target), make_due(slow_target, title="behind it")
    sent = make_due(loft)
    run = Run()
    with translation.override("de"):
        list(run)
    for notification in (hung, behind_it, sent):
        notification.refresh_from_db()
        assert notification.claim_token is None
    assert (hung.status, hung.retry_attempts) == (Notification.RETRY, 1)
    assert "made no progress for 2 seconds" in hung.response
    assert (behind_it.status, behind_it.retry_attempts) == (Notification.SCHEDULED, 0)
    assert sent.status == Notification.DELIVERED
    assert "kam" in run.problems["Slow"]  # people read it, where responses are counted


@in_real_transactions
def test_whoever_reads_no_further_leaves_nothing_claimed(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"RECORD_EVERY": 1}
    for number in range(200):
        make_due(loft, title=f"number {number}")
    attempts = iter(Run())
    next(attempts)
    attempts.close()  # type: ignore[attr-defined] # a generator's
    delivered = Notification.objects.filter(status="DELIVERED").count()
    assert delivered == len(loft_handler.flown)
    assert not Notification.objects.filter(claim_token__isnull=False).exists()


@in_real_transactions
def test_the_projects_code_is_told_after_the_commit(
    loft: TargetUserRecord, make_due: MakeDue, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[tuple[str, str, str]] = []

    def listen(signal_name: str) -> Any:
        def receive(notification: Notification, response: str, **kwargs: Any) -> None:
            stored = Notification.objects.get(pk=notification.pk)
            told.append((signal_name, stored.status, response))
            raise ValueError("a receiver's own fault")

        return receive

    receivers = {
        name: (getattr(signals, name), listen(name))
        for name in ("notification_delivered", "notification_failed", "notification_retrying")
    }
    for signal, receiver in receivers.values():
        signal.connect(receiver, sender=Notification)
    try:
        for title in ("sent", "fail", "retry"):
            make_due(loft, title=title)
        list(Run())
    finally:
        for signal, receiver in receivers.values():
            signal.disconnect(receiver, sender=Notification)
    assert sorted(told) == [
        ("notification_delivered", "DELIVERED", "Cooed."),
        ("notification_failed", "DELIVERY FAILURE", "There is no such loft."),
        ("notification_retrying", "RETRY", "A hawk was about."),
    ]
    assert "a receiver's own fault" in caplog.text
