"""What a provider reports later: it reaches the row, whatever the order and however often."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system import signals
from django_notification_system.delivery.claims.due import Due
from django_notification_system.delivery.claims.take import take
from django_notification_system.delivery.outcomes.apply import apply
from django_notification_system.delivery.outcomes.record import record_outcomes
from django_notification_system.delivery.receipts.record import record_receipts
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    TargetUserRecord,
)
from django_notification_system.outcome import Outcome, Receipt, ReceiptResult
from tests.conftest import MakeDue
from tests.support.runs import in_real_transactions

pytestmark = pytest.mark.django_db


#: In the order in which a message goes through them.
ORDER = ("queued", "sent", "delivered", "read")
QUEUED = Receipt("ring-1", "queued", ReceiptResult.PROGRESS)
SENT = Receipt("ring-1", "sent", ReceiptResult.PROGRESS)
DELIVERED = Receipt("ring-1", "delivered", ReceiptResult.CONFIRMED)
READ = Receipt("ring-1", "read", ReceiptResult.CONFIRMED)
LOST = Receipt("ring-1", "lost", ReceiptResult.FAILED, "The pigeon came back.")


def record(*receipts: Receipt, order: tuple[str, ...] = ORDER) -> int:
    return record_receipts("loft", receipts, order=order)


@pytest.fixture
def flown(loft: TargetUserRecord, make_due: MakeDue) -> Notification:
    """A notification that the loft has taken, under the name ``ring-1``."""
    make_due(loft, title="1")
    list(Run())
    return Notification.objects.get()


@pytest.fixture
def heard() -> Iterator[list[tuple[str, str]]]:
    """The status and response that signals were sent with."""
    events: list[tuple[str, str]] = []

    def hear(notification: Notification, response: str, **kwargs: Any) -> None:
        events.append((notification.status, response))

    for signal in (signals.notification_delivered, signals.notification_failed):
        signal.connect(hear)
    yield events
    for signal in (signals.notification_delivered, signals.notification_failed):
        signal.disconnect(hear)


def results() -> list[str]:
    return list(NotificationAttempt.objects.values_list("result", flat=True))


def make_unknown(loft: TargetUserRecord, make_due: MakeDue, when_unknown: Any) -> Notification:
    """Make a notification whose attempt, under the name ``ring-1``, had no answer."""
    make_due(loft, title="fog")
    now = timezone.now()
    claim = take(Due(target=loft.target, due_by=now, using="default"), 1, lease_seconds=300)
    [notification] = claim.notifications
    outcome = Outcome.unknown(notification, "Fog.", provider_message_id="ring-1")
    apply(outcome, at=now, due_by=now, when_unknown=when_unknown)
    record_outcomes(claim, [outcome])
    return notification


def claim_again(notification: Notification) -> None:
    now = timezone.now()
    Notification.objects.filter(pk=notification.pk).update(scheduled_delivery=now)
    target = notification.target_user_record.target
    claim = take(Due(target=target, due_by=now, using="default"), 1, lease_seconds=300)
    assert claim.notifications == [notification]


# --- The row --------------------------------------------------------------------------------


def test_a_confirmation_reaches_the_row(flown: Notification, settings: Any) -> None:
    Notification.objects.update(attempted_delivery=timezone.now() - timedelta(minutes=1))
    at = timezone.now() - timedelta(seconds=30)
    assert record(Receipt("ring-1", "delivered", ReceiptResult.CONFIRMED, at=at)) == 1
    flown.refresh_from_db()
    assert (flown.status, flown.provider_status) == ("DELIVERED", "delivered")
    assert flown.confirmed_at == at
    assert flown.response == "Cooed."
    assert results() == []


def test_all_attempts_kept_means_confirmations_too(flown: Notification, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"HISTORY": "all"}
    record(DELIVERED, DELIVERED)
    record(DELIVERED)
    assert results() == ["CONFIRMED"]


def test_a_reported_failure_reaches_row_history_and_project(
    flown: Notification,
    heard: list[tuple[str, str]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert record(LOST, LOST) == 2
        record(LOST)
    flown.refresh_from_db()
    assert (flown.status, flown.provider_status) == ("DELIVERY FAILURE", "lost")
    assert flown.response == "The pigeon came back."
    assert heard == [("DELIVERY FAILURE", "The pigeon came back.")]
    [attempt] = NotificationAttempt.objects.all()
    assert (attempt.notification, attempt.result) == (flown, "REPORTED FAILED")
    assert (attempt.response, attempt.provider_message_id) == ("The pigeon came back.", "ring-1")
    assert flown.target_user_record.active


def test_no_history_is_kept_where_none_is_wanted(flown: Notification, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"HISTORY": "none"}
    record(LOST)
    flown.refresh_from_db()
    assert flown.status == "DELIVERY FAILURE"
    assert results() == []


def test_progress_is_shown(flown: Notification) -> None:
    record(QUEUED)
    flown.refresh_from_db()
    assert (flown.status, flown.provider_status) == ("DELIVERED", "queued")
    assert flown.confirmed_at is None


@pytest.mark.parametrize("receipts", list(permutations([QUEUED, SENT, DELIVERED, READ])))
@pytest.mark.parametrize("together", [True, False])
def test_states_do_not_go_backwards(
    receipts: tuple[Receipt, ...], together: bool, flown: Notification
) -> None:
    for batch in [receipts] if together else [[receipt] for receipt in receipts]:
        record(*batch)
    flown.refresh_from_db()
    assert (flown.status, flown.provider_status) == ("DELIVERED", "read")
    assert flown.confirmed_at is not None


@pytest.mark.parametrize("receipts", list(permutations([SENT, DELIVERED, LOST])))
def test_a_failure_stays_whatever_comes_before_or_after(
    receipts: tuple[Receipt, ...], flown: Notification
) -> None:
    for receipt in receipts:
        record(receipt)
    flown.refresh_from_db()
    assert (flown.status, flown.provider_status) == ("DELIVERY FAILURE", "lost")
    assert flown.confirmed_at is None
    assert results() == ["REPORTED FAILED"]


def test_progress_does_not_undo_a_confirmation_where_no_order_is_known(
    flown: Notification,
) -> None:
    record(QUEUED, DELIVERED, SENT, order=())
    flown.refresh_from_db()
    assert flown.provider_status == "delivered"


def test_without_an_order_the_last_word_counts(flown: Notification) -> None:
    record(SENT, QUEUED, order=())
    flown.refresh_from_db()
    assert flown.provider_status == "queued"


def test_only_the_named_message_of_the_named_target_is_meant(
    flown: Notification, records: dict[str, TargetUserRecord], make_due: MakeDue
) -> None:
    other = make_due(
        records["Email"],
        status="DELIVERED",
        attempted_delivery=timezone.now(),
        provider_message_id="ring-1",
    )
    nameless = make_due(records["Email"], title="none")
    assert record(Receipt("ring-2", "lost", ReceiptResult.FAILED)) == 0
    assert record_receipts("email", [Receipt("", "lost", ReceiptResult.FAILED)]) == 0
    assert record(LOST) == 1
    other.refresh_from_db()
    nameless.refresh_from_db()
    assert (other.status, nameless.status) == ("DELIVERED", "SCHEDULED")


def test_words_are_made_storable(flown: Notification) -> None:
    record(Receipt("ring-1", "lost\x00" + "!" * 100, ReceiptResult.FAILED, "No\x00" + "!" * 600))
    flown.refresh_from_db()
    assert flown.provider_status == "lost" + "!" * 46
    assert flown.response == "No" + "!" * 498


def test_naive_moments_are_taken_in_the_projects_time_zone(flown: Notification) -> None:
    Notification.objects.update(attempted_delivery=timezone.now() - timedelta(minutes=1))
    at = timezone.now().replace(microsecond=0)
    naive = timezone.make_naive(at)
    record(Receipt("ring-1", "delivered", ReceiptResult.CONFIRMED, at=naive))
    flown.refresh_from_db()
    assert flown.confirmed_at == at


@pytest.mark.parametrize("status", ["OPTED OUT", "INACTIVE DEVICE", "CANCELLED"])
def test_other_ends_stay(status: str, flown: Notification) -> None:
    Notification.objects.update(status=status)
    record(DELIVERED, LOST, SENT)
    flown.refresh_from_db()
    assert (flown.status, flown.provider_status) == (status, "")


# --- The address ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "status"),
    [
        ("deactivate_record", "INACTIVE DEVICE"),
        ("opt_out", "OPTED OUT"),
        ("hard_bounce", "INACTIVE DEVICE"),
    ],
)
def test_what_is_said_of_the_address_switches_the_record_off(
    flag: str, status: str, flown: Notification
) -> None:
    receipt: Any = {flag: True}
    record(Receipt("ring-1", "gone", ReceiptResult.FAILED, **receipt))
    flown.refresh_from_db()
    assert (flown.status, flown.target_user_record.active) == (status, False)


def test_hard_bounces_are_counted_once_each(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"HARD_BOUNCES": 2}
    for title in ("1", "2"):
        make_due(loft, title=title)
    list(Run())
    bounces = [
        Receipt(f"ring-{number}", "bounced", ReceiptResult.FAILED, hard_bounce=True)
        for number in (1, 2)
    ]
    record(bounces[0])
    record(bounces[0])
    loft.refresh_from_db()
    assert (loft.hard_bounces, loft.active) == (1, True)
    record(*bounces)
    loft.refresh_from_db()
    assert (loft.hard_bounces, loft.active) == (2, False)
    statuses = Notification.objects.order_by("title").values_list("status", flat=True)
    assert list(statuses) == ["DELIVERY FAILURE", "INACTIVE DEVICE"]


def test_hard_bounces_reported_together_count_together(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"HARD_BOUNCES": 2}
    for title in ("1", "2"):
        make_due(loft, title=title)
    list(Run())
    record(
        Receipt("ring-1", "bounced", ReceiptResult.FAILED, hard_bounce=True),
        Receipt("ring-2", "bounced", ReceiptResult.FAILED, hard_bounce=True),
    )
    loft.refresh_from_db()
    assert (loft.hard_bounces, loft.active) == (2, False)
    statuses = Notification.objects.values_list("status", flat=True)
    assert sorted(statuses) == ["DELIVERY FAILURE", "INACTIVE DEVICE"]


def test_a_complaint_about_what_arrived_switches_the_record_off(flown: Notification) -> None:
    record(DELIVERED)
    complaint = Receipt("ring-1", "complained", ReceiptResult.PROGRESS, opt_out=True)
    record(complaint, order=(*ORDER, "complained"))
    flown.refresh_from_db()
    assert (flown.status, flown.provider_status) == ("DELIVERED", "complained")
    assert flown.target_user_record.active is False


@pytest.mark.parametrize(
    ("named", "active"), [("", True), ("NORTH Tower", True), ("South Tower", False)]
)
def test_a_record_whose_address_has_changed_stays(
    named: str, active: bool, flown: Notification
) -> None:
    loft = flown.target_user_record
    loft.target_user_id = "south tower"
    loft.save()
    gone = Receipt(
        "ring-1", "gone", ReceiptResult.FAILED, deactivate_record=True, hard_bounce=True,
        address=named,
    )  # fmt: skip
    record(gone)
    loft.refresh_from_db()
    assert (loft.active, loft.hard_bounces) == (active, 0 if active else 1)


# --- Attempts without an answer -------------------------------------------------------------


@pytest.mark.parametrize("when_unknown", ["retry", "fail"])
def test_a_confirmation_ends_the_attempts_of_what_had_no_answer(
    when_unknown: str,
    loft: TargetUserRecord,
    make_due: MakeDue,
    heard: list[tuple[str, str]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    notification = make_unknown(loft, make_due, when_unknown)
    with django_capture_on_commit_callbacks(execute=True):
        record(QUEUED, DELIVERED)
    notification.refresh_from_db()
    assert (notification.status, notification.provider_status) == ("DELIVERED", "delivered")
    assert notification.response == "The provider reports: delivered."
    assert notification.confirmed_at is not None
    assert heard == [("DELIVERED", "The provider reports: delivered.")]


def test_a_failure_of_what_had_no_answer_changes_nothing_but_is_kept(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_unknown(loft, make_due, "retry")
    record(LOST, DELIVERED)
    record(LOST, DELIVERED)
    notification.refresh_from_db()
    assert (notification.status, notification.provider_status) == ("RETRY", "lost")
    assert sorted(results()) == ["REPORTED FAILED", "UNKNOWN"]


def test_what_a_run_holds_is_left_to_it(loft: TargetUserRecord, make_due: MakeDue) -> None:
    notification = make_unknown(loft, make_due, "retry")
    claim_again(notification)
    assert record(DELIVERED) == 0
    notification.refresh_from_db()
    assert (notification.status, notification.confirmed_at) == ("RETRY", None)
    assert notification.claim_token is not None


def test_a_run_whose_lease_has_ended_holds_nothing(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_unknown(loft, make_due, "retry")
    claim_again(notification)
    Notification.objects.update(claimed_until=F("claimed_until") - timedelta(hours=1))
    assert record(DELIVERED) == 1
    notification.refresh_from_db()
    assert (notification.status, notification.claim_token) == ("DELIVERED", None)


def test_what_a_person_sends_again_is_not_stopped_by_news_of_the_first_message(
    flown: Notification,
) -> None:
    Notification.objects.update(status="RETRY")
    record(DELIVERED)
    flown.refresh_from_db()
    assert flown.status == "RETRY"


# --- Many, and at once ----------------------------------------------------------------------


def test_hundreds_are_recorded_in_few_queries(loft: TargetUserRecord, make_due: MakeDue) -> None:
    counts = []
    for number in (1, 150):
        rings = [f"{number}-{each}" for each in range(number)]
        for ring in rings:
            make_due(loft, title=ring)
        list(Run())
        at = timezone.now()
        receipts = [
            Receipt(f"ring-{ring}", "delivered", ReceiptResult.CONFIRMED, at=at) for ring in rings
        ]
        with CaptureQueriesContext(connection) as queries:
            assert record(*receipts) == number
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Notification.objects.filter(confirmed_at__isnull=False).count() == 151


def test_hundreds_of_messages_without_an_answer_are_recorded_in_few_queries(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    counts = []
    for number in (2, 60):
        Notification.objects.all().delete()
        rings = [f"{number}-{each}" for each in range(number)]
        fogs = [
            make_due(loft, title=ring, status="RETRY", provider_message_id=ring) for ring in rings
        ]
        NotificationAttempt.objects.bulk_create(
            NotificationAttempt(
                notification=fog,
                provider_message_id=fog.provider_message_id,
                result=NotificationAttempt.Result.UNKNOWN,
                attempted_at=timezone.now(),
            )
            for fog in fogs
        )
        receipts = [Receipt(ring, "delivered", ReceiptResult.CONFIRMED) for ring in rings]
        with CaptureQueriesContext(connection) as queries:
            assert record(*receipts) == number
        assert Notification.objects.filter(status="DELIVERED").count() == number
        # Equal rows are written with one statement; each has a moment of its own.
        counts.append(len([each for each in queries if "SELECT" in each["sql"][:10]]))
    assert counts[0] == counts[1]


def test_more_than_a_batch_are_recorded(loft: TargetUserRecord, make_due: MakeDue) -> None:
    for each in range(3):
        make_due(loft, title=str(each))
    list(Run())
    strangers = [Receipt(f"x{each}", "sent", ReceiptResult.PROGRESS) for each in range(450)]
    mine = [Receipt(f"ring-{each}", "sent", ReceiptResult.PROGRESS) for each in range(3)]
    assert record(mine[0], *strangers, *mine[1:]) == 3
    assert Notification.objects.filter(provider_status="sent").count() == 3


@pytest.mark.skipif(connection.vendor == "sqlite", reason="threads share no database in memory")
@in_real_transactions
def test_the_same_receipts_at_once_are_recorded_once(
    loft: TargetUserRecord, make_due: MakeDue, heard: list[tuple[str, str]], settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"HARD_BOUNCES": 100}
    names = [str(number) for number in range(10)]
    for name in names:
        make_due(loft, title=name)
    list(Run())
    heard.clear()
    barrier = threading.Barrier(4)
    receipts = [
        Receipt(f"ring-{name}", "bounced", ReceiptResult.FAILED, hard_bounce=True) for name in names
    ]

    def report(backwards: bool) -> None:
        try:
            barrier.wait()
            record(*(reversed(receipts) if backwards else receipts))
        finally:
            connection.close()

    threads = [threading.Thread(target=report, args=[number % 2]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loft.refresh_from_db()
    assert loft.hard_bounces == 10
    assert results() == ["REPORTED FAILED"] * 10
    assert len(heard) == 10


def test_messages_are_found_by_an_index(flown: Notification) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    rows = Notification.objects.filter(
        provider_message_id__gt="",
        provider_message_id__in=["ring-1", "ring-2"],
        target_user_record__target__notification_module_name="loft",
    )
    assert "notification_message" in rows.values_list("pk").explain()
