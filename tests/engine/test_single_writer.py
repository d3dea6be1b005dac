"""SQLite lets one connection write at a time, and tells the time by its host's clock."""

import threading
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F

from django_notification_system.delivery.runs.run import Run
from django_notification_system.delivery.runs.to_send import SLICE_SIZE
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.handlers import freely
from tests.support.handlers import loft as loft_handler
from tests.support.runs import in_real_transactions, lose_patience_soon

pytestmark = in_real_transactions

NUMBER = 300
RECORD_EVERY = 50


def test_a_handler_that_notes_in_a_transaction_what_it_sends_holds_up_nobody(
    record: TargetUserRecord, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would wait for the run to give it more, and the run for its transaction to end."""
    lose_patience_soon(monkeypatch)

    def send_and_note(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        with transaction.atomic():
            for notification in notifications:
                Group.objects.create(name=notification.title)
                yield Outcome.delivered(notification, "Noted.")

    freely.behave = send_and_note
    for index in range(SLICE_SIZE + 10):
        make_due(record, title=f"number {index}")
    list(Run())
    assert set(Notification.objects.values_list("status", flat=True)) == {"DELIVERED"}
    assert Group.objects.count() == SLICE_SIZE + 10


def test_a_clock_that_leaps_ends_leases_and_sends_again_no_more_than_was_in_hand(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"RECORD_EVERY": RECORD_EVERY, "BATCH_SIZE": NUMBER}
    for index in range(NUMBER):
        make_due(loft, title=f"bird {index}")
    may_go_on = threading.Event()
    loft_handler.watchers.append(
        lambda bird: may_go_on.wait(20) if len(loft_handler.flown) >= RECORD_EVERY else None
    )
    run = iter(Run())
    next(run)
    # An hour's leap of the database's clock is the same to all that compares with it.
    Notification.objects.filter(claimed_until__isnull=False).update(
        claimed_until=F("claimed_until") - timedelta(hours=1)
    )
    may_go_on.set()
    list(Run())
    list(run)
    assert len(set(loft_handler.flown)) == NUMBER
    assert len(loft_handler.flown) - NUMBER <= 2 * SLICE_SIZE + RECORD_EVERY
    rows = Notification.objects.values_list("status", "claim_token").distinct()
    assert list(rows) == [("DELIVERED", None)]
