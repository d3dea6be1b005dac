"""What becomes of a notification: expiry, backoff, hard bounces, and the history of attempts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system import signals, utils
from django_notification_system.conf import RetryPolicy
from django_notification_system.delivery.claims.claim import Claim
from django_notification_system.delivery.claims.due import Due
from django_notification_system.delivery.claims.take import take
from django_notification_system.delivery.handlers.send_one import send_and_save
from django_notification_system.delivery.outcomes.announce import announce
from django_notification_system.delivery.outcomes.apply import apply
from django_notification_system.delivery.outcomes.record import record_outcomes
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    TargetUserRecord,
)
from django_notification_system.models.moments import as_project_time
from django_notification_system.models.retry_interval import interval_of_policy
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.handlers import loft as loft_handler

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed_signals() -> Iterator[list[str]]:
    """The statuses that ``notification_failed`` was sent with."""
    heard: list[str] = []

    def hear(notification: Notification, **kwargs: Any) -> None:
        heard.append(notification.status)

    signals.notification_failed.connect(hear)
    yield heard
    signals.notification_failed.disconnect(hear)


def run() -> None:
    list(Run())


def claim(record: TargetUserRecord) -> Claim:
    return take(
        Due(target=record.target, due_by=timezone.now(), using="default"), 500, lease_seconds=300
    )


def settled(outcome: Outcome, at: datetime | None = None) -> Outcome:
    at = at or timezone.now()
    apply(outcome, at=at, due_by=at, when_unknown="retry")
    return outcome


def history() -> list[tuple[str, str]]:
    attempts = NotificationAttempt.objects.order_by("attempted_at")
    return list(attempts.values_list("result", "response"))


# --- Expiry ---------------------------------------------------------------------------------


def test_what_has_expired_is_not_sent(
    loft: TargetUserRecord,
    make_due: MakeDue,
    failed_signals: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:
    now = timezone.now()
    late = make_due(loft, title="late", expires_at=now - timedelta(seconds=1))
    make_due(loft, title="in time", expires_at=now + timedelta(minutes=1))
    with django_capture_on_commit_callbacks(execute=True):
        run()
    late.refresh_from_db()
    assert loft_handler.flown == ["in time"]
    assert (late.status, late.response) == ("EXPIRED", "Not sent: it has expired.")
    assert late.attempted_delivery is None
    assert late.retry_attempts == 0
    assert late.claim_token is None
    assert failed_signals == ["EXPIRED"]
    assert history() == []


def test_what_has_expired_is_not_sent_outside_a_run(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, expires_at=timezone.now())
    assert send_and_save(loft_handler.deliver, notification) == "Not sent: it has expired."
    notification.refresh_from_db()
    assert notification.status == "EXPIRED"
    assert loft_handler.flown == []


def test_expiry_may_be_given_as_a_text(loft: TargetUserRecord, make_due: MakeDue) -> None:
    notification = make_due(loft, expires_at="2021-02-03T04:05:06Z")
    assert send_and_save(loft_handler.deliver, notification) == "Not sent: it has expired."


def test_what_would_be_tried_again_too_late_expires_at_once(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    now = timezone.now()
    hour = {"retry_time_interval": 60}
    early = make_due(loft, title="retry a", expires_at=now + timedelta(minutes=90), **hour)
    late = make_due(loft, title="retry b", expires_at=now + timedelta(minutes=30), **hour)
    run()
    early.refresh_from_db()
    late.refresh_from_db()
    assert early.status == "RETRY"
    assert late.status == "EXPIRED"
    assert late.response == "A hawk was about. It expires before the next attempt."
    assert late.retry_attempts == 1
    assert [result for result, _ in history()] == ["RETRY", "RETRY"]


def test_a_provider_that_asks_to_wait_until_it_has_expired(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    now = timezone.now()
    notification = make_due(loft, expires_at=now + timedelta(hours=2), retry_time_interval=0)
    settled(Outcome.retry(notification, "Busy. " * 100, not_before=now + timedelta(hours=3)))
    assert notification.status == "EXPIRED"
    assert notification.response.endswith("It expires before the next attempt.")
    assert len(notification.response) == 500


def test_the_last_attempt_fails_rather_than_expires(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, title="retry", max_retries=1, expires_at=timezone.now())
    settled(Outcome.retry(notification, "A hawk was about."))
    assert notification.status == "DELIVERY FAILURE"


@pytest.mark.parametrize("use_tz", [True, False])
@pytest.mark.parametrize("aware", [True, False])
def test_moments_agree_with_the_projects_own(use_tz: bool, aware: bool, settings: Any) -> None:
    settings.USE_TZ = use_tz
    settings.TIME_ZONE = "Europe/Berlin"
    local = datetime(2030, 7, 1, 14)  # noqa: DTZ001 # on purpose
    utc = datetime(2030, 7, 1, 12, tzinfo=UTC)
    assert as_project_time(utc if aware else local) == (utc if use_tz else local)


# --- Time between attempts ------------------------------------------------------------------


def test_zero_max_retries_mean_one_attempt(loft: TargetUserRecord, make_due: MakeDue) -> None:
    notification = make_due(loft, title="retry", max_retries=0)
    run()
    run()
    notification.refresh_from_db()
    assert loft_handler.flown == ["retry"]
    assert (notification.status, notification.retry_attempts) == ("DELIVERY FAILURE", 1)


def waits(notification: Notification, attempts: int) -> list[float]:
    """Fail so many times, and return the minutes from each to the next attempt."""
    minutes = []
    for _ in range(attempts):
        at = timezone.now()
        settled(Outcome.retry(notification, "Later."), at)
        minutes.append((notification.scheduled_delivery - at).total_seconds() / 60)
    return minutes


def test_intervals_are_fixed_by_default(loft: TargetUserRecord, make_due: MakeDue) -> None:
    notification = make_due(loft, retry_time_interval=5, max_retries=9)
    assert waits(notification, 3) == [5, 5, 5]


def test_a_policy_tries_again_soon_and_then_ever_later(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"RETRY": {"jitter": 0}}
    notification = make_due(loft, follows_retry_policy=True, max_retries=7)
    minutes = waits(notification, 6)
    assert minutes == [1, 5, 25, 125, 625, 1440]
    settled(Outcome.retry(notification, "Later."))
    assert notification.status == Notification.DELIVERY_FAILURE


def test_intervals_grow_up_to_the_ceiling(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    policy = {"first_interval": 5, "factor": 3, "ceiling": 60, "jitter": 0}
    settings.NOTIFICATION_SYSTEM = {"RETRY": policy}
    notification = make_due(loft, follows_retry_policy=True, max_retries=9)
    assert waits(notification, 5) == [5, 15, 45, 60, 60]


def test_a_policy_leaves_what_has_its_own_interval_alone(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"RETRY": {"first_interval": 2, "attempts": 2}}
    notification = make_due(loft, retry_time_interval=5, max_retries=9)
    assert waits(notification, 3) == [5, 5, 5]


@pytest.mark.parametrize(
    "policy", [5, {"factor": "twice"}, {"jitter": 7}, {"first_interval": -1}, {"ceiling": []}]
)
def test_a_policy_that_is_wrong_keeps_nothing_from_being_tried_again(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any, policy: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"RETRY": policy}
    notification = make_due(loft, follows_retry_policy=True, max_retries=7)
    [minutes] = waits(notification, 1)
    assert 0.9 <= minutes <= 1.1


def test_chance_spreads_intervals_by_its_share() -> None:
    policy = RetryPolicy(first_interval=30, factor=2, ceiling=100, jitter=0.2)
    grown = [interval_of_policy(policy, 1) for _ in range(300)]
    assert 48 <= min(grown) < 54 < 66 < max(grown) <= 72
    capped = [interval_of_policy(policy, 9) for _ in range(300)]
    assert 80 <= min(capped) < 90 < 110 < max(capped) <= 120


def test_intervals_do_not_overflow() -> None:
    assert interval_of_policy(RetryPolicy(ceiling=500, jitter=0), 100_000) == 500


def test_intervals_without_a_ceiling_stay_in_the_calendar(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"RETRY": {"ceiling": None, "jitter": 0.5}}
    notification = make_due(loft, follows_retry_policy=True, retry_attempts=5000, max_retries=9000)
    [minutes] = waits(notification, 1)
    assert 4 * 366 * 24 * 60 < minutes <= 10 * 366 * 24 * 60


def test_a_later_time_that_the_provider_names_counts(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    policy = {"first_interval": 5, "factor": 2, "jitter": 0}
    settings.NOTIFICATION_SYSTEM = {"RETRY": policy}
    notification = make_due(loft, follows_retry_policy=True)
    at = timezone.now()
    settled(Outcome.retry(notification, "", not_before=at + timedelta(minutes=9)), at)
    assert notification.scheduled_delivery == at + timedelta(minutes=9)
    settled(Outcome.retry(notification, "", not_before=at + timedelta(minutes=9)), at)
    assert notification.scheduled_delivery == at + timedelta(minutes=10)


def test_a_first_retry_may_come_sooner_than_a_long_interval(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, retry_time_interval=1440, max_retries=9)
    at = timezone.now()
    for minutes in (30, 1440, 1440):
        settled(Outcome.retry(notification, "", within=timedelta(minutes=30)), at)
        assert notification.scheduled_delivery == at + timedelta(minutes=minutes)
    short = make_due(loft, title="Short", retry_time_interval=5)
    settled(Outcome.retry(short, "", within=timedelta(minutes=30)), at)
    assert short.scheduled_delivery == at + timedelta(minutes=5)


def test_the_policys_interval_counts_even_where_a_first_retry_might_come_sooner(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"RETRY": {"first_interval": 60, "jitter": 0}}
    notification = make_due(loft, follows_retry_policy=True)
    at = timezone.now()
    settled(Outcome.retry(notification, "", within=timedelta(minutes=30)), at)
    assert notification.scheduled_delivery == at + timedelta(minutes=60)


def test_a_failure_for_good_is_counted_as_an_attempt(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft)
    settled(Outcome.failed(notification, "No."))
    assert (notification.status, notification.retry_attempts) == ("DELIVERY FAILURE", 1)


def test_an_ended_notification_whose_provider_is_out_of_reach_keeps_its_time(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    """``send_notification()`` of 1.5.3 takes notifications of any status."""
    notification = make_due(loft, status=Notification.DELIVERED)
    moment = notification.scheduled_delivery
    settled(Outcome.retry(notification, "Nobody is there.", unreachable=True))
    assert (notification.status, notification.scheduled_delivery) == ("DELIVERED", moment)


def test_signals_wait_for_the_commit(
    loft: TargetUserRecord,
    make_due: MakeDue,
    failed_signals: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:
    notification = make_due(loft, status=Notification.DELIVERY_FAILURE)
    with django_capture_on_commit_callbacks() as callbacks:
        announce([notification], using="default")
        assert failed_signals == []
    for callback in callbacks:
        callback()
    assert failed_signals == ["DELIVERY FAILURE"]


@pytest.mark.parametrize(("follows", "minutes"), [(False, 5), (True, 25)])
def test_the_helper_of_1_5_3_keeps_to_the_interval_that_counts(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any, follows: bool, minutes: int
) -> None:
    settings.NOTIFICATION_SYSTEM = {"RETRY": {"first_interval": 5, "jitter": 0}}
    notification = make_due(
        loft, retry_time_interval=5, retry_attempts=1, follows_retry_policy=follows
    )
    utils.check_and_update_retry_attempts(notification)
    assert notification.attempted_delivery is not None
    waited = notification.scheduled_delivery - notification.attempted_delivery
    assert waited == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("option", "value", "check"),
    [
        ("HISTORY", "some", "E003"),
        ("HARD_BOUNCES", 0, "E003"),
        ("HARD_BOUNCES", True, "E003"),
        ("RETRY", 2, "E003"),
        ("RETRY", {"factor": 0.5}, "E008"),
        ("RETRY", {"factor": float("inf")}, "E008"),
        ("RETRY", {"ceiling": 0}, "E008"),
        ("RETRY", {"ceiling": "1h"}, "E008"),
        ("RETRY", {"jitter": 1}, "E008"),
        ("RETRY", {"jitter": -0.1}, "E008"),
        ("RETRY", {"base": 2}, "W001"),
    ],
)
def test_bad_values_are_found_by_system_checks(
    option: str, value: Any, check: str, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {option: value}
    [message] = [m for m in run_checks() if m.id and m.id.startswith("django_notification_system")]
    assert message.id == f"django_notification_system.{check}"
    assert option in message.msg


@pytest.mark.parametrize(
    "values",
    [
        {"HISTORY": "all", "HARD_BOUNCES": 3, "RETRY": None},
        {"RETRY": {"factor": 1.5, "ceiling": None, "jitter": 0}},
        {"RETRY": {}},
    ],
)
def test_good_values_pass_the_system_checks(values: Any, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = values
    assert [m for m in run_checks() if m.id and m.id.startswith("django_notif")] == []


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
