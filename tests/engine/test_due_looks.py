"""A look for what has come due costs the same however many targets have nothing due."""

import re
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from django_notification_system.delivery.claims.due import targets_with_due
from django_notification_system.delivery.runs.watch import SEARCH_COST_FACTOR, Watch
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.handlers import freely
from tests.support.many_notifications import analyze, multiply
from tests.support.plans import Access, plan_of, statements_of

IDLE = 40
ROWS_EACH = 30
#: The target's own key for each look-up, and the first rows of those with something due.
MOST_ROWS = 2 * IDLE

TABLE = Notification._meta.db_table


@pytest.fixture
def targets(user: Any, request: pytest.FixtureRequest) -> Iterator[list[NotificationTarget]]:
    """Many targets, whose notifications are all delivered, or not due as yet."""
    later = timezone.now() + timedelta(hours=1)
    made = []
    for number in range(IDLE):
        name = f"idle {number}"
        target = NotificationTarget.objects.create(name=name, notification_module_name="freely")
        record = TargetUserRecord.objects.create(
            user=user, target=target, target_user_id=name, description=name
        )
        originals = [
            Notification.objects.create(
                target_user_record=record, title=status, status=status, scheduled_delivery=later
            )
            for status in Notification.PENDING_STATUSES
        ]
        made.append(target)
        multiply([each.pk for each in originals], ROWS_EACH)
    analyze()
    yield made
    Notification.objects.all().delete()
    analyze()


def look_for(targets: list[NotificationTarget]) -> list[str]:
    now = timezone.now()
    return statements_of(lambda: targets_with_due(targets, now, using="default"))


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_look_asks_once_for_all_targets(targets: list[NotificationTarget]) -> None:
    of_few, of_many = look_for(targets[:2]), look_for(targets)
    assert len(of_few) == len(of_many) == 2
    for few, many in zip(of_few, of_many, strict=True):
        assert few.count("SELECT") == many.count("SELECT")


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_look_reads_nothing_of_targets_that_have_nothing_due(
    targets: list[NotificationTarget], make_due: MakeDue
) -> None:
    make_due(TargetUserRecord.objects.get(target=targets[3]))
    for statement in look_for(targets):
        plan = plan_of(statement)
        accesses = [access for access in plan.accesses if is_of_notifications(access)]
        assert accesses or TABLE not in statement, plan
        for access in accesses:
            assert access.index, plan
            assert not access.whole, plan
            assert access.rows is None or access.rows <= MOST_ROWS, plan


def is_of_notifications(access: Access) -> bool:
    # SQLite tells the alias: a subquery's is U0 or the like.
    return access.table == TABLE or bool(re.fullmatch(r"[U-Z]\d", access.table))


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_looks_that_take_long_are_as_far_apart_as_that_takes(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    """Else what is to be recorded would wait for them."""
    target = NotificationTarget.objects.create(name="Freely", notification_module_name="freely")
    record = TargetUserRecord.objects.create(user=loft.user, target=target, target_user_id="here")
    make_due(record)
    targets = connection.ops.quote_name(NotificationTarget._meta.db_table)
    look_seconds = 0.02
    looks: list[float] = []
    looked_often = threading.Event()

    def work(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            assert looked_often.wait(20)
            yield Outcome.delivered(notification, "At last.")

    def slow_down(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith(f"SELECT {targets}.") and "IS NOT NULL" in sql:
            looks.append(time.monotonic())
            time.sleep(look_seconds)
        if len(looks) == 4:
            looked_often.set()
        return execute(sql, *arguments)

    freely.behave = work
    watching = Watch(interval=0.01, on_problem=lambda problem: None)
    try:
        with connection.execute_wrapper(slow_down):
            for attempt in watching:
                if attempt is not None:
                    watching.stop()
    finally:
        freely.behave = freely.one_after_another
    between = [second - first for first, second in pairwise(looks[1:4])]
    # A little less, where more was done before the first of two.
    assert min(between) > 0.8 * look_seconds * SEARCH_COST_FACTOR
