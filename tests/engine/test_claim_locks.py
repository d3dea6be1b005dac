"""A claim locks what it takes, and nothing that somebody else has taken."""

import threading
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from django_notification_system.delivery.claims import take as take_module
from django_notification_system.delivery.claims.claim import Claim
from django_notification_system.delivery.claims.due import Due
from django_notification_system.delivery.claims.levels import Levels
from django_notification_system.delivery.claims.take import take
from django_notification_system.models import Notification, TargetUserRecord
from tests.conftest import MakeDue
from tests.support.runs import in_real_transactions

pytestmark = [
    in_real_transactions,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="It locks no rows."),
]
LEASE_SECONDS = 60


def claim(record: TargetUserRecord, size: int) -> Claim:
    return take(
        Due(target=record.target, due_by=timezone.now(), using="default"),
        size,
        lease_seconds=LEASE_SECONDS,
    )


def claim_for_an_engine(record: TargetUserRecord, size: int) -> None:
    take(
        Due(target=record.target, due_by=timezone.now(), using="default"),
        size,
        lease_seconds=LEASE_SECONDS,
        levels=Levels(record.target, using="default"),
        reads=False,
    )


@pytest.mark.parametrize("claim_again", [claim, claim_for_an_engine])
def test_what_a_worker_holds_it_can_record_while_another_claims(
    loft: TargetUserRecord, make_due: MakeDue, claim_again: Any
) -> None:
    """Else workers would wait for each other, the longer the more of them there are."""
    for number in range(12):
        make_due(loft, title=f"{number}")
    held = claim(loft, 5)
    with transaction.atomic():
        claim_again(loft, 5)
        assert recorded_elsewhere(row.pk for row in held.notifications) == 5


def test_of_two_that_claim_at_once_each_gets_a_batch(
    loft: TargetUserRecord, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without waiting until the other has committed."""
    monkeypatch.setattr(take_module, "LONGEST_WAIT_FOR_FIRST_SECONDS", 60)
    for number in range(12):
        make_due(loft, title=f"{number}")
    others: list[int] = []

    def claim_elsewhere() -> None:
        try:
            others.append(len(claim(loft, 5).notifications))
        finally:
            connections.close_all()

    thread = threading.Thread(target=claim_elsewhere, daemon=True)
    with transaction.atomic():
        mine = len(claim(loft, 5).notifications)
        thread.start()
        thread.join(timeout=60)
        assert (mine, others) == (5, [5])
    thread.join()


def recorded_elsewhere(keys: Iterable[Any]) -> int:
    """Return how many rows another connection can write to at once."""
    rows = Notification.objects.filter(pk__in=list(keys))
    written: list[int] = []

    def write() -> None:
        try:
            with transaction.atomic():
                written.append(len(rows.select_for_update(skip_locked=True)))
        finally:
            connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    return written[0]
