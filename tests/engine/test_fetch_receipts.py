"""Asking providers what became of messages: about which, when, and what is recorded."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.delivery.receipts import due
from django_notification_system.delivery.receipts.due import NO_RECEIPT, PAGE, next_age
from django_notification_system.delivery.receipts.fetch import Fetched, fetch_receipts
from django_notification_system.delivery.receipts.record import record_receipts
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.base import (
    Receipt,
    ReceiptResult,
    TargetUnavailable,
)
from django_notification_system.testing import Outbox
from tests.conftest import MakeDue
from tests.nightly import NIGHTLY
from tests.support.fetched_receipts import confirmed, only, perched, roost
from tests.support.handlers import roost as handler
from tests.support.many_notifications import analyze
from tests.support.plans import plan_of, statements_of

__all__ = ["roost"]

pytestmark = pytest.mark.django_db


def fetch(**options: Any) -> Fetched:
    return fetch_receipts(list(NotificationTarget.objects.all()), using="default", **options)


def let_pass(minutes: float) -> None:
    """Make all that was delivered older."""
    span = timedelta(minutes=minutes)
    Notification.objects.update(
        attempted_delivery=F("attempted_delivery") - span,
        receipt_due_at=F("receipt_due_at") - span,
    )


def asked_next(notification: Notification | None = None) -> float | None:
    """Return how many minutes after its attempt the provider is asked about a notification next."""
    notification = notification or only()
    if notification.receipt_due_at is None or notification.attempted_delivery is None:
        return None
    return (notification.receipt_due_at - notification.attempted_delivery).total_seconds() / 60


# --- What is asked about, and when ----------------------------------------------------------


def test_what_was_delivered_is_asked_about_after_its_time(
    roost: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(roost, title="ring-1")
    list(Run())
    assert (only().provider_status, asked_next()) == ("", 15)
    handler.answers.append(confirmed)

    assert fetch() == Fetched()
    assert handler.asked == []
    let_pass(16)
    assert fetch() == Fetched(confirmed=1)

    notification = only()
    assert (notification.status, notification.provider_status) == ("DELIVERED", "ok")
    assert notification.confirmed_at is not None
    assert notification.receipt_due_at is None
    assert handler.asked == [["ring-1"]]
    assert fetch() == Fetched()
    assert handler.asked == [["ring-1"]]


@pytest.mark.parametrize(("minutes", "asked"), [(0, True), (5, True), (7, False)])
def test_the_time_is_a_setting(
    roost: TargetUserRecord, make_due: MakeDue, settings: Any, minutes: float, asked: bool
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"roost": {"receipts_after": minutes}}
    make_due(roost, title="ring-1")
    list(Run())
    let_pass(6)
    fetch()
    assert handler.asked == ([["ring-1"]] if asked else [])


@pytest.mark.parametrize("days", [1, 3])
def test_nobody_is_asked_about_what_the_provider_has_forgotten(
    roost: TargetUserRecord, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    if days != 1:  # what the app takes for granted
        monkeypatch.setattr(handler, "RECEIPTS_KEPT", timedelta(days=days), raising=False)
    perched(roost, days * 24 * 60 + 1, "old")
    perched(roost, days * 24 * 60 - 1, "young")
    assert fetch() == Fetched(given_up=2)
    assert handler.asked == [["young"]]
    rows = Notification.objects.values_list("provider_status", "receipt_due_at")
    assert list(rows) == [(NO_RECEIPT, None)] * 2


@pytest.mark.parametrize(
    "fields",
    [
        {"receipt_due_at": None},
        {"status": "RETRY"},
        {"status": "CANCELLED"},
        {"status": "DELIVERY FAILURE"},
    ],
)
def test_nobody_is_asked_about_what_has_its_answer(
    roost: TargetUserRecord, fields: dict[str, Any]
) -> None:
    perched(roost, 60, "ring-1", provider_status="ok", **fields)
    assert fetch() == Fetched()
    assert handler.asked == []
    assert (only().receipt_due_at, only().provider_status) == (None, "ok")


def test_what_is_not_ready_is_asked_about_again_at_growing_distances(
    roost: TargetUserRecord,
) -> None:
    perched(roost, 0, "ring-1")
    expected = [15, 30, 60, 120, 240, 480, 960, 1395]
    asked_at, passed = [], 0
    # Every half hour, and just before and at each moment that is expected.
    for minute in sorted({*range(0, 25 * 60, 30), *expected, *(each - 1 for each in expected)}):
        let_pass(minute - passed)
        passed = minute
        fetched = fetch()
        if fetched != Fetched():
            asked_at.append(minute)
            assert fetched == (
                Fetched(given_up=1) if minute == expected[-1] else Fetched(awaited=1)
            )

    assert asked_at == expected
    assert (only().provider_status, asked_next()) == (NO_RECEIPT, None)


@pytest.mark.parametrize(
    ("age", "following"),
    [(0, 15), (14, 15), (15, 30), (29, 30), (30, 60), (100, 120), (959, 960), (960, 1395)],
)
def test_who_comes_late_asks_once_for_the_moments_that_were_missed(
    age: float, following: float
) -> None:
    first, kept = timedelta(minutes=15), timedelta(days=1)
    assert next_age(timedelta(minutes=age), first=first, kept=kept) == timedelta(minutes=following)


@pytest.mark.parametrize(("age", "hours"), [(1395, 24), (1439, 24), (30, 1)])
def test_nobody_is_asked_again_shortly_before_the_provider_forgets(age: float, hours: int) -> None:
    first, kept = timedelta(minutes=15), timedelta(hours=hours)
    assert next_age(timedelta(minutes=age), first=first, kept=kept) is None


def test_a_run_asks_about_each_message_once(roost: TargetUserRecord) -> None:
    """However late it is asked about for the first time."""
    for minutes in (15, 30, 100, 1000, 1439):
        perched(roost, minutes, f"ring-{minutes}")
    for _ in range(2):
        fetch()
    [names] = handler.asked
    assert sorted(names) == sorted(f"ring-{minutes}" for minutes in (15, 30, 100, 1000, 1439))


def test_what_comes_later_is_recorded(roost: TargetUserRecord) -> None:
    perched(roost, 20, "ring-1")
    assert fetch() == Fetched(awaited=1)
    assert (only().provider_status, asked_next()) == ("", 30)
    let_pass(11)
    handler.answers.append(confirmed)
    assert fetch() == Fetched(confirmed=1)
    assert only().provider_status == "ok"


def test_progress_is_no_answer(roost: TargetUserRecord) -> None:
    perched(roost, 20, "ring-1")
    handler.answers.append(
        lambda names: (Receipt(name, "flying", ReceiptResult.PROGRESS) for name in names)
    )
    assert fetch() == Fetched(awaited=1)
    assert asked_next() == 30
    assert only().provider_status == ""


@pytest.mark.parametrize(
    ("result", "due_after"),
    [
        (ReceiptResult.PROGRESS, 15),
        (ReceiptResult.CONFIRMED, None),
        (ReceiptResult.FAILED, None),
    ],
)
def test_what_a_provider_reports_unasked_ends_the_questions(
    roost: TargetUserRecord, result: ReceiptResult, due_after: float | None
) -> None:
    perched(roost, 5, "ring-1")
    record_receipts("roost", [Receipt("ring-1", "word", result)])
    assert (only().provider_status, asked_next()) == ("word", due_after)


def test_a_failure_is_recorded_as_such(roost: TargetUserRecord) -> None:
    perched(roost, 20, "ring-1", "ring-2")
    handler.answers.append(
        lambda names: iter(
            [
                Receipt("ring-1", "Shot", ReceiptResult.FAILED, "Shot."),
                Receipt("ring-2", "ok", ReceiptResult.CONFIRMED),
            ]
        )
    )
    assert fetch() == Fetched(confirmed=1, failed=1)
    statuses = dict(Notification.objects.values_list("title", "status"))
    assert statuses == {"ring-1": "DELIVERY FAILURE", "ring-2": "DELIVERED"}


def test_on_a_trial_site_nobody_is_switched_off(roost: TargetUserRecord, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"roost": "elm"}}
    perched(roost, 20, "ring-1")
    handler.answers.append(
        lambda names: iter(
            [Receipt("ring-1", "Felled", ReceiptResult.FAILED, deactivate_record=True)]
        )
    )
    assert fetch().failed == 1
    roost.refresh_from_db()
    assert (only().status, roost.active) == ("DELIVERY FAILURE", True)


def test_thousands_are_asked_about_page_by_page(
    roost: TargetUserRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By day a page is smaller, and its half still more than is written at once.
    page = PAGE if NIGHTLY else 1_200
    monkeypatch.setattr(due, "PAGE", page)
    names = [f"ring-{number}" for number in range(page + 300)]
    perched(roost, 20, *names)
    handler.answers.append(lambda names: confirmed(names[::2]))
    fetched = fetch()
    assert (fetched.confirmed, fetched.awaited) == ((page + 300) // 2, (page + 300) // 2)
    assert [len(names) for names in handler.asked] == [page, 300]
    assert sorted(name for names in handler.asked for name in names) == sorted(names)


# --- What goes wrong ------------------------------------------------------------------------


def test_what_was_answered_before_a_failure_counts_and_the_rest_is_asked_again(
    roost: TargetUserRecord,
) -> None:
    def fail_halfway(names: list[str]) -> Iterator[Receipt]:
        yield Receipt("ring-1", "ok", ReceiptResult.CONFIRMED)
        raise TargetUnavailable("The roost is being mended.")

    perched(roost, 20, "ring-1", "ring-2")
    handler.answers.append(fail_halfway)
    fetched = fetch()
    assert (fetched.confirmed, fetched.awaited) == (1, 0)
    assert fetched.problems == {"Roost": "The roost is being mended."}

    next_times = {row.title: asked_next(row) for row in Notification.objects.all()}
    assert next_times == {"ring-1": None, "ring-2": 15}
    fetch()
    assert handler.asked[1:] == [["ring-2"]]


@pytest.mark.parametrize("error", [ValueError("Out of order."), SystemExit(3)])
def test_a_handler_that_fails_harms_nobody(roost: TargetUserRecord, error: BaseException) -> None:
    def fail(names: list[str]) -> Iterator[Receipt]:
        raise error

    perched(roost, 20, "ring-1")
    handler.answers.append(fail)
    problem = fetch().problems["Roost"]
    assert "failed to fetch receipts" in problem
    assert type(error).__name__ in problem
    assert asked_next() == 15


def test_a_handler_without_the_function_is_left_alone(loft: TargetUserRecord, user: Any) -> None:
    perched(loft, 20, "ring-1")
    assert fetch() == Fetched()


def test_what_a_handler_without_the_function_left_is_awaited_until_it_is_forgotten(
    loft: TargetUserRecord,
) -> None:
    """The module lost its function, or another module took its name."""
    perched(loft, 16, "young")
    assert fetch() == Fetched()
    assert asked_next() == 30
    let_pass(24 * 60)
    assert fetch() == Fetched(given_up=1)
    assert (asked_next(), only().provider_status) == (None, NO_RECEIPT)


def test_where_an_outbox_takes_the_messages_nothing_awaited_changes(
    loft: TargetUserRecord, outbox: Outbox
) -> None:
    perched(loft, 2 * 24 * 60, "old")
    assert fetch() == Fetched()
    assert asked_next() == 15


@pytest.mark.parametrize(
    ("kept", "receipts_after", "words"),
    [
        (3, 15, "is 3. Write a timedelta, such as timedelta(days=1)."),
        (None, 15, "is None. Write a timedelta"),
        (timedelta(minutes=20), 20, "is 0:20:00, and receipts_after of 'roost' is 20 minutes:"),
        (timedelta(0), 0, "Lower receipts_after."),
    ],
)
def test_a_time_that_makes_no_sense_is_named_and_nothing_is_forgotten(
    roost: TargetUserRecord,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    kept: Any,
    receipts_after: int,
    words: str,
) -> None:
    monkeypatch.setattr(handler, "RECEIPTS_KEPT", kept, raising=False)
    settings.NOTIFICATION_SYSTEM_TARGETS = {"roost": {"receipts_after": receipts_after}}
    perched(roost, 100, "oak")
    problem = fetch().problems["Roost"]
    assert problem.startswith("RECEIPTS_KEPT in ")
    assert words in problem
    assert handler.asked == []
    assert asked_next() == 15


def test_a_handler_that_is_gone_is_reported(roost: TargetUserRecord, settings: Any) -> None:
    perched(roost, 20, "ring-1")
    settings.NOTIFICATION_SYSTEM_HANDLERS = []
    assert "No handler for target 'Roost'" in fetch().problems["Roost"]


def test_who_is_to_stop_asks_about_no_more(roost: TargetUserRecord) -> None:
    perched(roost, 20, "ring-1", "ring-2", "ring-3")
    answers = iter([False, False, True])
    assert fetch(is_stopping=lambda: next(answers, True)).awaited == 2
    assert handler.asked == [["ring-1", "ring-2"]]
    assert Notification.objects.filter(receipt_due_at__lte=timezone.now()).count() == 1


def test_what_belongs_to_another_target_now_is_not_asked_about_for_ever(
    roost: TargetUserRecord,
) -> None:
    perched(roost, 20, "ring-1")
    roost.target = NotificationTarget.objects.get(name="Email")
    roost.save()
    handler.answers.append(confirmed)
    fetch()
    fetch()
    assert handler.asked == [["ring-1"]]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="threads share no database in memory")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_at_once_record_the_same_once(roost: TargetUserRecord) -> None:
    names = [f"ring-{number}" for number in range(300)]
    perched(roost, 20, *names)
    together = threading.Barrier(2)

    def answer(names: list[str]) -> Iterator[Receipt]:
        together.wait(timeout=10)
        return confirmed(names[::2])

    handler.answers.append(answer)
    fetched: list[Fetched] = []

    def work() -> None:
        fetched.append(fetch())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [each.problems for each in fetched] == [{}, {}]
    assert sum(each.awaited for each in fetched) == 150
    rows = Notification.objects.all()
    assert rows.filter(provider_status="ok", receipt_due_at=None).count() == 150
    assert {asked_next(row) for row in rows.filter(provider_status="")} == {30}


# --- What it costs --------------------------------------------------------------------------


def test_a_delivery_that_awaits_a_receipt_is_recorded_in_one_statement(
    roost: TargetUserRecord, make_due: MakeDue
) -> None:
    for number in range(5):
        make_due(roost, title=f"ring-{number}")
    written = [each for each in statements_of(lambda: list(Run())) if "'Perched.'" in each]
    assert len(written) == 1
    assert {asked_next(row) for row in Notification.objects.all()} == {15}


def test_a_delivery_without_a_receipt_leaves_the_index_alone(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="ring-1")
    statements = statements_of(lambda: list(Run()))
    changes = [each for each in statements if each.startswith("UPDATE")]
    assert changes
    assert not [each for each in changes if "receipt_due_at" in each]


def test_where_nothing_is_to_be_asked_one_query_says_so(
    roost: TargetUserRecord, make_due: MakeDue
) -> None:
    targets = list(NotificationTarget.objects.all())
    perched(roost, 5, "ring-1")
    with CaptureQueriesContext(connection) as queries:
        fetch_receipts(targets, using="default")
    assert len(queries) == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)  # MariaDB's ANALYZE commits
def test_the_index_finds_what_is_due_among_what_is_not(roost: TargetUserRecord) -> None:
    for word in ("ok", "", NO_RECEIPT):
        answered = {"provider_status": word, "receipt_due_at": None}
        perched(roost, 30, *(f"{word}-{number}" for number in range(300)), **answered)
    perched(roost, 10, *(f"young-{number}" for number in range(300)))
    perched(roost, 30, "due-1", "due-2")
    analyze()
    table = Notification._meta.db_table
    statements = [
        statement
        for statement in statements_of(fetch)
        if statement.startswith("SELECT") and '"receipt_due_at" <= ' in statement.replace("`", '"')
    ]
    assert len(statements) == 3  # what there is, a page, and that there is no other
    for statement in statements:
        accesses = [  # but for those of the few targets
            access
            for access in plan_of(statement).accesses
            if access.table == table
            or access.index == "notification_receipt_due"
            or "U0" in access.table
        ]
        assert accesses
        for access in accesses:
            assert access.index == "notification_receipt_due", statement
            assert access.rows is None or access.rows <= 4
    assert handler.asked == [["due-1", "due-2"]]
