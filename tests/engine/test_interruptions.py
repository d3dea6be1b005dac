"""A row that kills the process stops neither its target nor, in the end, anything else."""

import json
import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system import signals
from django_notification_system.delivery.claims.claim import Claim
from django_notification_system.delivery.claims.due import Due
from django_notification_system.delivery.claims.take import take
from django_notification_system.delivery.handover import (
    claim_batches,
    deliver_batch,
    give_back,
)
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.nightly import NIGHTLY
from tests.support.handlers import freely
from tests.support.handlers import loft as loft_handler
from tests.support.workers.pool import Workers, migrated_workers

GIVEN_UP = "Interrupted three times while it was being delivered."
#: A batch, whose tenth or twentieth is taken again at once, and then each row by itself: by day ten
#: and ten processes, and at night twenty and twenty, with the default size.
NUMBER = 300 if NIGHTLY else 90
ENGINE = {} if NIGHTLY else {"BATCH_SIZE": 100}


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with migrated_workers(tmp_path_factory.mktemp("interruptions")) as workers:
        yield workers


def outlive(workers: Workers, rows: dict[str, list[str]], **wish: Any) -> dict[str, Any]:
    workers.environment["WORKERS_ENGINE"] = json.dumps(wish.pop("engine", {}))
    told = workers.python("-m", "tests.support.workers.deaths", json.dumps({"rows": rows, **wish}))
    became: dict[str, Any] = json.loads(told)
    return became


def titles(number: int, **killers: int) -> list[str]:
    named = {place: name for name, place in killers.items()}
    return [named.get(index, f"number {index}") for index in range(number)]


@pytest.mark.parametrize("hand_over", [False, True])
def test_a_row_that_kills_is_given_up_after_three_deaths_and_the_rest_is_delivered(
    workers: Workers, hand_over: bool
) -> None:
    rows = {"mortal": titles(NUMBER, kill=NUMBER // 3)}
    became = outlive(workers, rows, hand_over=hand_over, engine=dict(ENGINE))
    assert became == {
        "deaths": 3,
        "statuses": {"DELIVERED": NUMBER - 1, "DELIVERY FAILURE": 1},
        "interruptions": {"0": NUMBER},
        "claimed": 0,
        "killers": [
            {
                "status": "DELIVERY FAILURE",
                "response": GIVEN_UP,
                "retry_attempts": 1,
                "results": ["UNKNOWN"],
            }
        ],
    }


def test_several_that_kill_are_all_found(workers: Workers) -> None:
    rows = titles(120, kill_first=0, kill_second=1, kill_last=119)
    became = outlive(workers, {"mortal": rows}, engine={"BATCH_SIZE": 50})
    assert became["statuses"] == {"DELIVERED": 117, "DELIVERY FAILURE": 3}
    assert {killer["response"] for killer in became["killers"]} == {GIVEN_UP}
    assert became["deaths"] <= 9


def test_the_rows_of_another_target_are_delivered_and_none_is_given_up(workers: Workers) -> None:
    rows = {"mortal": titles(40, kill=0), "bystander": titles(60)}
    became = outlive(workers, rows, engine={"BATCH_SIZE": 50})
    assert became["statuses"] == {"DELIVERED": 99, "DELIVERY FAILURE": 1}
    assert len(became["killers"]) == 1
    assert became["deaths"] == 3


def test_the_setting_says_after_how_many_deaths(workers: Workers) -> None:
    rows = {"mortal": titles(30, kill=10)}
    became = outlive(workers, rows, engine={"MAX_INTERRUPTIONS": 2})
    assert became["deaths"] == 2
    assert became["killers"][0]["response"] == ("Interrupted 2 times while it was being delivered.")
    assert became["statuses"] == {"DELIVERED": 29, "DELIVERY FAILURE": 1}


# What counts, and what does not


def interruptions() -> list[int]:
    rows = Notification.objects.order_by("scheduled_delivery")
    return list(rows.values_list("interruptions", flat=True))


def claim(record: TargetUserRecord, size: int = 500) -> Claim:
    return take(
        Due(target=record.target, due_by=timezone.now(), using="default"), size, lease_seconds=300
    )


def die(claim: Claim) -> None:
    """Leave a claim as a process leaves it that is killed, and let its lease end."""
    Notification.objects.filter(claim_token=claim.token).update(
        claimed_until=timezone.now() - timedelta(hours=1)
    )


def test_a_claim_counts_until_it_is_given_back(loft: TargetUserRecord, make_due: MakeDue) -> None:
    make_due(loft)
    for _ in range(2):
        held = claim(loft)
        assert held.notifications[0].interruptions == 1
        assert interruptions() == [1]
        held.release([row.pk for row in held.notifications])
        assert interruptions() == [0]


def test_an_orderly_stop_counts_as_no_interruption(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    for number in range(120):
        make_due(loft, title=f"number {number}")
    run = Run()
    loft_handler.watchers.append(lambda notification: run.stop())
    assert len(list(run)) == 1
    assert interruptions() == [0] * 120


def test_any_outcome_sets_the_count_to_nothing(loft: TargetUserRecord, make_due: MakeDue) -> None:
    for title in ("ok", "retry", "fail", "fog", "gone"):
        make_due(loft, title=title)
    die(claim(loft))
    assert interruptions() == [1] * 5
    assert len(list(Run())) == 5
    assert interruptions() == [0] * 5


def test_handing_over_counts_as_no_interruption_and_delivering_does(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft)
    [batch] = claim_batches()
    assert interruptions() == [0]
    give_back(batch)
    assert interruptions() == [0]
    [batch] = claim_batches()
    counted: list[list[int]] = []
    loft_handler.watchers.append(lambda notification: counted.append(interruptions()))
    assert deliver_batch(batch).statuses == {"DELIVERED": 1}
    assert (counted, interruptions()) == ([[1]], [0])


def test_what_was_interrupted_goes_after_the_rest_in_smaller_groups(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 9}
    for number in range(9):
        make_due(loft, title=f"twice {number}")
    die(claim(loft))
    die(claim(loft))
    first = Notification.objects.filter(interruptions=2).count()
    assert first == 3
    for number in range(5):
        make_due(loft, title=f"fresh {number}")
    held: list[tuple[str, int]] = []

    def watch(notification: Notification) -> None:
        claimed = Notification.objects.filter(claimed_until__gt=timezone.now()).count()
        held.append((notification.title[:5], claimed))

    loft_handler.watchers.append(watch)
    assert len(list(Run())) == 14
    assert [title for title, _ in held] == ["fresh"] * 5 + ["twice"] * 9
    assert [claimed for title, claimed in held if title == "twice"] == [3] * 6 + [1] * 3


def test_a_power_cut_makes_nothing_fail_and_no_row_go_alone(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    for number in range(200):
        make_due(loft, title=f"number {number}")
    die(claim(loft))
    with CaptureQueriesContext(connection) as captured:
        assert len(list(Run())) == 200
    assert set(Notification.objects.values_list("status", flat=True)) == {"DELIVERED"}
    assert len(captured) < 250  # one by one it would be some 2,000


def test_what_was_interrupted_too_often_is_told_of_like_any_failure(
    loft: TargetUserRecord,
    make_due: MakeDue,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    caplog.set_level(logging.INFO, "django_notification_system")
    notification = make_due(loft)
    for _ in range(3):
        die(claim(loft))
    told: list[str] = []

    def receive(response: str, **_: Any) -> None:
        told.append(response)

    signals.notification_failed.connect(receive)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            [attempt] = list(Run())
    finally:
        signals.notification_failed.disconnect(receive)
    assert loft_handler.flown == []
    assert (attempt.status_before, attempt.response) == ("SCHEDULED", GIVEN_UP)
    assert told == [GIVEN_UP]
    notification.refresh_from_db()
    assert notification.status == "DELIVERY FAILURE"
    assert notification.attempted_delivery is not None
    assert [kept.result for kept in notification.attempts.all()] == ["UNKNOWN"]
    assert f"notification {notification.pk}" in caplog.text


def test_a_limit_holds_for_what_was_interrupted_too(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    for number in range(4):
        make_due(loft, title=f"number {number}")
    die(claim(loft))
    assert len(list(Run(limit=2))) == 2
    assert sorted(interruptions()) == [0, 0, 1, 1]


def test_a_rate_holds_for_what_was_interrupted_too(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"loft": {"rate": "1000/s"}}
    for number in range(4):
        make_due(loft, title=f"number {number}")
    die(claim(loft))
    assert len(list(Run())) == 4


def test_a_provider_that_is_down_ends_the_turn_of_what_was_interrupted(
    record_of_freely: TargetUserRecord, make_due: MakeDue
) -> None:
    """What could not be sent is on nobody's way, and the run does not wait for it."""

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            yield Outcome.retry(notification, "No connection.", unreachable=True)

    freely.behave = behave
    for number in range(3):
        make_due(record_of_freely, title=f"fresh {number}")
    die(claim(record_of_freely))
    for number in range(3):
        make_due(record_of_freely, title=f"number {number}")
    list(Run())
    assert not Notification.objects.filter(claim_token__isnull=False).exists()
    assert Notification.objects.filter(status="DELIVERY FAILURE").count() == 0


@pytest.fixture
def record_of_freely(loft: TargetUserRecord) -> Iterator[TargetUserRecord]:
    target = NotificationTarget.objects.create(name="Freely", notification_module_name="freely")
    yield TargetUserRecord.objects.create(user=loft.user, target=target, target_user_id="here")
    freely.behave = freely.one_after_another
    freely.taken.clear()


def test_a_handler_that_takes_ahead_gets_nothing_beside_what_was_interrupted(
    record_of_freely: TargetUserRecord, make_due: MakeDue
) -> None:
    """Nor does a run wait for ever for one that answers only when it can take no more."""
    together: list[list[str]] = []

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        taken = list(notifications)
        together.append([notification.title for notification in taken])
        yield from freely.one_after_another(taken)

    freely.behave = behave
    for number in range(30):
        make_due(record_of_freely, title=f"old {number}")
    die(claim(record_of_freely))
    for number in range(60):
        make_due(record_of_freely, title=f"fresh {number}")
    assert len(list(Run())) == 90
    assert [len(titles) for titles in together] == [60, 22, 8]
