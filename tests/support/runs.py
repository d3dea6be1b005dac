"""What the tests of runs share: many rows, a provider that is down, a database that is away."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system import database
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.outcome import Outcome

in_real_transactions = pytest.mark.django_db(transaction=True, serialized_rollback=True)


NOBODY_THERE = "ConnectionRefusedError: nobody is there"


def down(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    for notification in notifications:
        yield Outcome.retry(notification, NOBODY_THERE, unreachable=True)


def make_many(record: TargetUserRecord, number: int, **fields: Any) -> None:
    start = timezone.now() - timedelta(hours=1)
    Notification.objects.bulk_create(
        Notification(
            target_user_record=record,
            title=f"number {index}",
            status=Notification.SCHEDULED,
            scheduled_delivery=start + timedelta(seconds=index),
            **fields,
        )
        for index in range(number)
    )


def states(record: TargetUserRecord) -> set[tuple[str, int, object]]:
    return set(
        Notification.objects.filter(target_user_record=record).values_list(
            "status", "retry_attempts", "claim_token"
        )
    )


def pause_is_over(target: NotificationTarget) -> None:
    NotificationTarget.objects.filter(pk=target.pk).update(
        paused_until=timezone.now() - timedelta(seconds=1)
    )


def lose_patience_soon(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.2) -> None:
    monkeypatch.setattr(
        database.patiently, "__kwdefaults__", {"using": "default", "patience_seconds": seconds}
    )


def writes_a_status(sql: str) -> bool:
    written = sql.split("WHERE")[0]
    return sql.startswith("UPDATE") and ('"status" = ' in written or "`status` = " in written)


def wait_until(happened: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for what happens soon, except on a very busy machine; fail where nothing happens.

    Args:
        happened: Returns whether it has happened.
        seconds: The longest wait.
    """
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.02)
