"""What it costs to look at the queue follows what waits, and not what is done with."""

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.operations.queue import counts as queue_counts
from tests.settings import TEST_DATABASE
from tests.support.many_notifications import analyze, delete_all, multiply
from tests.support.plans import plan_of, statements_of
from tests.support.runs import in_real_transactions

pytestmark = in_real_transactions

TABLE = Notification._meta.db_table
WAITING = 100
LOOKED_AT = 200
#: Those that wait and those that are looked at of every target, and some to spare.
MOST_ROWS = 4_000
#: SQLite tells no rows that were read, and plans alike for few.
TIMES = 300 if TEST_DATABASE == "sqlite" else 10_000
DELIVERED = {"busy": 3 * TIMES, "quiet": TIMES}


@pytest.fixture
def full_table(django_user_model: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two targets with something waiting, in a table full of what was delivered."""
    monkeypatch.setattr(queue_counts, "ATTEMPTS_COUNTED", LOOKED_AT)
    monkeypatch.setattr(queue_counts, "FAILURES_READ", LOOKED_AT)
    user = django_user_model.objects.create_user(username="egg")
    for name, delivered in DELIVERED.items():
        record = TargetUserRecord.objects.create(
            user=user,
            target=NotificationTarget.objects.create(name=name, notification_module_name=name),
            target_user_id=name,
            description=name,
        )
        for status in Notification.PENDING_STATUSES:
            fill(record, status, WAITING)
        fill(record, Notification.DELIVERED, delivered)
    analyze()
    yield
    delete_all()
    analyze()


def fill(record: TargetUserRecord, status: str, number: int) -> None:
    ended = status == Notification.DELIVERED
    first = timezone.now() - (timedelta(days=30) if ended else timedelta(hours=2))
    original = Notification.objects.create(
        target_user_record=record,
        title="Breakfast",
        body="The eggs are ready.",
        status=status,
        scheduled_delivery=first,
        attempted_delivery=None if status == Notification.SCHEDULED else first,
    )
    multiply([original.pk], number - 1)


def test_no_statement_reads_what_is_done_with(full_table: None) -> None:
    for arguments in ([], ["--max-age", "90d"]):

        def look(arguments: list[str] = arguments) -> None:
            call_command("notification_status", *arguments, stdout=io.StringIO())

        statements = statements_of(look)
        assert any(TABLE in statement for statement in statements)
        for statement in statements:
            for access in plan_of(statement).accesses:
                if access.table != TABLE:
                    continue
                assert not access.whole, statement
                # MariaDB has its index over status and time for deliveries too, and may go through
                # those of another target in it.
                if access.rows is not None and access.index != "notification_undelivered":
                    assert access.rows <= MOST_ROWS, (access, statement)
