"""What a handler gets in one call, and which rows a target's claims find."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.delivery.runs import reach
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    TargetUserRecord,
)
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.handlers import freely
from tests.support.runs import make_many


def statuses() -> dict[str, int]:
    found = Notification.objects.values_list("status", flat=True)
    return {status: list(found).count(status) for status in set(found)}


def test_one_call_delivers_all_that_is_due_so_that_connections_are_kept(
    record: TargetUserRecord, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 20}
    make_many(record, 110)
    assert len(list(Run())) == 110
    assert freely.taken == [110]
    assert statuses() == {"DELIVERED": 110}


def test_a_handler_that_reads_all_into_a_list_gets_no_more_than_a_bounded_number(
    record: TargetUserRecord, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "MOST_TAKEN", 30)
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 20, "RECORD_EVERY": 1}
    held = []

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        together = list(notifications)
        held.append(Notification.objects.filter(claim_token__isnull=False).count())
        yield from freely.one_after_another(together)

    freely.behave = behave
    make_many(record, 100)
    list(Run())
    assert freely.taken == [30, 30, 30, 10]
    assert max(held) <= 60  # what was taken, the rest of its batch, and a batch ahead
    assert statuses() == {"DELIVERED": 100}


def test_a_handler_that_takes_a_few_and_returns_is_called_again(record: TargetUserRecord) -> None:
    freely.behave = lambda notifications: freely.one_after_another(islice(notifications, 7))
    make_many(record, 20)
    list(Run())
    assert freely.taken == [7, 7, 6]
    assert statuses() == {"DELIVERED": 20}


def test_a_handler_that_takes_nothing_is_not_asked_for_ever(record: TargetUserRecord) -> None:
    freely.behave = lambda notifications: iter([])
    make_many(record, 125)
    responses = {attempt.response for attempt in Run()}
    assert freely.taken == [0, 0, 0]  # once for each slice
    assert len(responses) == 1
    assert "did not take it" in responses.pop()
    assert statuses() == {"RETRY": 125}


def test_a_handler_that_raises_before_it_takes_anything_is_not_asked_for_ever(
    record: TargetUserRecord,
) -> None:
    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        raise RuntimeError("out of order")

    freely.behave = behave
    make_many(record, 5)
    assert {attempt.response for attempt in Run()} == {"RuntimeError: out of order"}
    assert statuses() == {"RETRY": 5}


def test_the_rest_goes_out_together_after_one_that_a_handler_breaks_on(
    record: TargetUserRecord,
) -> None:
    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            if notification.title == "number 10":
                raise RuntimeError("poison")
            yield Outcome.delivered(notification, "Sent.")

    freely.behave = behave
    make_many(record, 300)
    list(Run())
    assert statuses() == {"DELIVERED": 299, "RETRY": 1}
    assert freely.taken == [11, 289]


def test_what_was_claimed_ahead_is_given_back_at_once_when_the_run_stops(
    record: TargetUserRecord, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 10}
    make_many(record, 40)
    run = Run()

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for number, notification in enumerate(notifications, start=1):
            if number == 15:
                run.stop()
            yield Outcome.delivered(notification, "Sent.")

    freely.behave = behave
    list(run)
    assert statuses() == {"DELIVERED": 15, "SCHEDULED": 25}
    assert not Notification.objects.filter(claim_token__isnull=False).exists()


def test_a_row_made_without_its_target_is_delivered_all_the_same(
    record: TargetUserRecord, make_due: MakeDue
) -> None:
    """As by SQL, by ``bulk_create()`` with keys alone, or before the column was there."""
    notification = make_due(record)
    assert notification.target_id == record.target_id
    Notification.objects.update(target=None)
    assert len(list(Run())) == 1
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.target_id == record.target_id


def test_a_row_made_with_keys_alone_costs_no_query_for_each(record: TargetUserRecord) -> None:
    rows = [
        Notification(
            target_user_record_id=record.pk,
            title=f"number {number}",
            status=Notification.SCHEDULED,
            scheduled_delivery=timezone.now(),
        )
        for number in range(10)
    ]
    with CaptureQueriesContext(connection) as captured:
        Notification.objects.bulk_create(rows)
    assert sum(query["sql"].startswith("INSERT") for query in captured) == 1
    assert not any(query["sql"].startswith("SELECT") for query in captured)
    assert len(list(Run())) == 10


def test_a_row_whose_record_moved_to_another_target_goes_there(
    record: TargetUserRecord, make_due: MakeDue, loft: TargetUserRecord
) -> None:
    moved, stays = make_due(record), make_due(record, title="stays")
    elsewhere = TargetUserRecord.objects.create(
        user=record.user, target=record.target, target_user_id="moves"
    )
    Notification.objects.filter(pk=moved.pk).update(target_user_record=elsewhere)
    TargetUserRecord.objects.filter(pk=elsewhere.pk).update(target=loft.target)
    list(Run())
    moved.refresh_from_db()
    stays.refresh_from_db()
    assert (moved.status, moved.response) == (Notification.DELIVERED, "Cooed.")
    assert (stays.status, stays.response) == (Notification.DELIVERED, "Sent.")


def test_saving_with_another_record_brings_the_target_along(
    record: TargetUserRecord, make_due: MakeDue, loft: TargetUserRecord
) -> None:
    notification = make_due(record)
    notification.target_user_record = loft
    notification.save()
    notification.refresh_from_db()
    assert notification.target_id == loft.target_id
