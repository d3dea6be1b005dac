"""The answer to a commit is lost, and the transaction is done again: everything counts once."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system import signals
from django_notification_system.delivery.claims.due import Due
from django_notification_system.delivery.claims.take import take
from django_notification_system.delivery.handover import claim_batches, claim_notifications
from django_notification_system.delivery.outcomes.apply import apply
from django_notification_system.delivery.outcomes.record import record_outcomes
from django_notification_system.delivery.receipts.record import record_receipts
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import Notification, NotificationAttempt, TargetUserRecord
from django_notification_system.outcome import Outcome, Receipt, ReceiptResult
from tests.conftest import MakeDue
from tests.support.admin_site import address, staff_client
from tests.support.handlers import loft as loft_handler
from tests.support.lost_answers import answer_lost

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

CLAIMED = f"{connection.ops.quote_name('claimed_until')} = "
BOUNCED = f"{connection.ops.quote_name('hard_bounces')} = "
BOUNCE = Receipt("ring-bird 0", "bounced", ReceiptResult.FAILED, hard_bounce=True)


def bounce(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    for notification in notifications:
        yield Outcome.failed(notification, "550 5.1.1 No such user", hard_bounce=True)


@pytest.fixture
def due(loft: TargetUserRecord, make_due: MakeDue, settings: Any) -> TargetUserRecord:
    settings.NOTIFICATION_SYSTEM = {"HARD_BOUNCES": 5, "BATCH_SIZE": 2}
    for index in range(4):
        make_due(loft, title=f"bird {index}")
    return loft


def test_hard_bounces_are_counted_once(
    due: TargetUserRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loft_handler, "deliver", bounce)
    with answer_lost(BOUNCED):
        list(Run())
    due.refresh_from_db()
    assert (due.hard_bounces, due.active) == (4, True)
    assert NotificationAttempt.objects.count() == 4
    rows = Notification.objects.values_list("status", "retry_attempts").distinct()
    assert list(rows) == [("DELIVERY FAILURE", 1)]


def test_outcomes_without_a_bounce_take_one_statement(due: TargetUserRecord, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"HISTORY": "none"}
    now = timezone.now()
    claim = take(Due(target=due.target, due_by=now, using="default"), 4, lease_seconds=300)
    outcomes = [Outcome.failed(notification, "No.") for notification in claim.notifications]
    for outcome in outcomes:
        apply(outcome, at=now, due_by=now, when_unknown="retry")
    with CaptureQueriesContext(connection) as queries:
        record_outcomes(claim, outcomes)
    assert len(queries) == 1


def test_reported_bounces_are_counted_and_announced_once(due: TargetUserRecord) -> None:
    list(Run())
    heard: list[str] = []

    def hear(notification: Notification, **kwargs: Any) -> None:
        heard.append(notification.title)

    signals.notification_failed.connect(hear)
    try:
        with answer_lost(BOUNCED):
            assert record_receipts("loft", [BOUNCE]) == 1
        record_receipts("loft", [BOUNCE])
    finally:
        signals.notification_failed.disconnect(hear)
    due.refresh_from_db()
    assert due.hard_bounces == 1
    assert heard == ["bird 0"]
    assert NotificationAttempt.objects.filter(result="REPORTED FAILED").count() == 1


def assert_nothing_is_left_claimed() -> None:
    rows = Notification.objects.values_list("status", "claim_token", "interruptions").distinct()
    assert list(rows) == [("DELIVERED", None, 0)]


def test_what_an_unanswered_commit_claimed_is_delivered_in_the_same_run(
    due: TargetUserRecord,
) -> None:
    counted: list[int] = []
    loft_handler.watchers.append(lambda notification: counted.append(notification.interruptions))
    with answer_lost(CLAIMED):
        list(Run())
    assert sorted(loft_handler.flown) == [f"bird {index}" for index in range(4)]
    assert counted == [1] * 4
    assert_nothing_is_left_claimed()


def test_what_an_unanswered_commit_claimed_is_handed_over(due: TargetUserRecord) -> None:
    with answer_lost(CLAIMED):
        batches = list(claim_batches())
    assert sorted(len(batch.keys) for batch in batches) == [2, 2]
    tokens = {str(token) for token in Notification.objects.values_list("claim_token", flat=True)}
    assert tokens == {batch.token for batch in batches}


def test_what_an_unanswered_commit_claimed_by_key_is_handed_over(due: TargetUserRecord) -> None:
    keys = list(Notification.objects.values_list("pk", flat=True))
    with answer_lost(CLAIMED):
        batches = list(claim_notifications(keys))
    assert sorted(key for batch in batches for key in batch.keys) == sorted(map(str, keys))


def test_an_action_of_the_admin_is_logged_once(
    due: TargetUserRecord,
) -> None:
    later = timezone.now() + timedelta(days=1)
    Notification.objects.update(scheduled_delivery=later)
    person: Client = staff_client("view_notification", "reschedule_notification")
    keys = list(Notification.objects.values_list("pk", flat=True))
    data = {"action": "reschedule", "_selected_action": keys, "confirmed": "yes"}
    moment = {"moment_0": "2031-01-02", "moment_1": "03:04:05"}
    with answer_lost("django_admin_log"):
        response = person.post(address(Notification), {**data, **moment}, follow=True)
    assert LogEntry.objects.count() == 4
    assert "4 notifications" in response.content.decode()
