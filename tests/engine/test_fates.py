"""What becomes of a notification: expiry, and the time between attempts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.utils import timezone

from django_notification_system import signals, utils
from django_notification_system.conf import RetryPolicy
from django_notification_system.delivery.handlers.send_one import send_and_save
from django_notification_system.delivery.outcomes.announce import announce
from django_notification_system.models import (
    Notification,
    TargetUserRecord,
)
from django_notification_system.models.moments import as_project_time
from django_notification_system.models.retry_interval import interval_of_policy
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.fates_support import history, run, settled
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
