"""Where a run's claims come from: due rows, rows that come due, or a batch handed over."""

import inspect
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system.delivery.claims.pause import pause
from django_notification_system.delivery.handlers.concurrency import LaneConcurrency
from django_notification_system.delivery.handover import claim_batches
from django_notification_system.delivery.runs.reach import Reach
from django_notification_system.delivery.runs.rests import Rests
from django_notification_system.delivery.runs.run import Run
from django_notification_system.delivery.runs.shared import Shared
from django_notification_system.delivery.runs.sources import (
    RETRY_AFTER,
    DueSource,
    HandedOverSource,
    WatchSource,
)
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from tests.conftest import MakeDue


@pytest.fixture
def other(loft: TargetUserRecord) -> TargetUserRecord:
    """Return a record of another target."""
    target = NotificationTarget.objects.create(name="Other", notification_module_name="freely")
    return TargetUserRecord.objects.create(user=loft.user, target=target, target_user_id="there")


def source_for(*records: TargetUserRecord, **options: Any) -> DueSource:
    return DueSource(
        [record.target for record in records],
        using="default",
        is_stopping=lambda: False,
        **options,
    )


def move(notification: Notification, record: TargetUserRecord) -> None:
    """Let the record of a notification belong to another record's target."""
    TargetUserRecord.objects.filter(pk=notification.target_user_record_id).update(
        target=record.target
    )


def test_due_targets_are_named_once(
    loft: TargetUserRecord, other: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft)
    source = source_for(loft, other)
    assert source.targets(set()) == [loft.target]
    make_due(other)
    assert source.targets({loft.target.pk}) == []
    assert source.targets(set()) == []


def test_targets_are_named_again_when_rows_were_moved_and_nothing_is_at_work(
    loft: TargetUserRecord, other: TargetUserRecord, make_due: MakeDue
) -> None:
    move(make_due(loft), other)
    source = source_for(loft, other)
    assert source.targets(set()) == [loft.target]
    claim = source.take(loft.target, 10, interrupted=True)
    assert (claim.notifications, claim.rows_moved) == ([], True)
    assert source.targets({loft.target.pk}) == []
    assert source.targets(set()) == [other.target]
    assert source.targets(set()) == []


def test_a_target_that_cannot_be_used_is_not_named_again(
    loft: TargetUserRecord, other: TargetUserRecord, make_due: MakeDue
) -> None:
    move(make_due(loft), other)
    source = source_for(loft, other)
    source.targets(set())
    source.take(loft.target, 10, interrupted=True)
    source.note_end(other.target, "It has no handler.")
    assert source.targets(set()) == []


def test_a_limit_is_of_all_targets_and_of_all_claims(
    loft: TargetUserRecord, other: TargetUserRecord, make_due: MakeDue
) -> None:
    now = timezone.now()
    for minutes in range(4):
        make_due(loft, title=f"{minutes}", scheduled_delivery=now - timedelta(minutes=minutes + 1))
    make_due(other, title="newest", scheduled_delivery=now)
    source = source_for(loft, other, limit=3)
    assert source.targets(set()) == [loft.target]
    first = source.take(loft.target, 2, interrupted=True)
    second = source.take(loft.target, 2, interrupted=True)
    assert [row.title for row in first.notifications + second.notifications] == ["3", "2", "1"]
    assert (first.is_last, second.is_last) == (False, True)
    third = source.take(loft.target, 2, interrupted=True)
    assert (third.notifications, third.is_last) == ([], True)


def test_a_paused_target_outside_the_limit_is_named_by_the_run(
    loft: TargetUserRecord, other: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, scheduled_delivery=timezone.now() - timedelta(hours=1))
    make_due(other)
    pause(other.target, 60, reason="Fog.", using="default")
    run = Run(limit=1)
    assert [report.target for report in run] == [loft.target]
    assert list(run.paused) == ["Other"]


def test_a_watch_names_targets_whose_rows_came_due_since(
    loft: TargetUserRecord, other: TargetUserRecord, make_due: MakeDue
) -> None:
    is_more_due = False
    rests = Rests(lambda problem: None)
    source = WatchSource(
        [loft.target, other.target],
        using="default",
        is_stopping=lambda: False,
        is_more_due=lambda: is_more_due,
        rests=rests,
    )
    make_due(loft)
    assert source.targets(set()) == [loft.target]
    before = source.due_by
    make_due(other, scheduled_delivery=timezone.now())
    assert (source.targets({loft.target.pk}), source.due_by) == ([], before)
    is_more_due = True
    assert source.targets({loft.target.pk}) == [other.target]
    assert source.due_by > before
    source.note_end(other.target, "It has no handler.")
    assert source.targets({loft.target.pk}) == []
    assert rests.problems == {"Other": "It has no handler."}


def test_what_a_lane_has_failed_is_not_claimed_again_at_once_while_new_rows_are(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    """A watch's moment moves on within a run: a row that failed must not go round and round."""
    make_due(loft, title="old")
    source = source_for(loft)
    source.targets(set())
    opened = source.due_by
    soon = opened + timedelta(seconds=1)
    failed = make_due(loft, title="failed", status=Notification.RETRY, scheduled_delivery=soon)
    make_due(loft, title="new", scheduled_delivery=soon)
    source.due_by = opened + timedelta(seconds=2)
    claim = source.take(loft.target, 10, interrupted=True)
    assert [row.title for row in claim.notifications] == ["old", "new"]
    source.due_by = soon + RETRY_AFTER
    assert source.take(loft.target, 10, interrupted=True).notifications == [failed]


def test_a_batch_that_was_handed_over_is_taken_once_and_the_rest_released(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    for number in range(3):
        make_due(loft, title=f"{number}")
    [batch] = claim_batches()
    source = HandedOverSource(
        loft.target,
        uuid.UUID(batch.token),
        [uuid.UUID(key) for key in batch.keys],
        due_by=timezone.now(),
        using="default",
    )
    assert (source.targets(set()), source.targets(set())) == ([loft.target], [])
    claim = source.take(loft.target, 2, interrupted=True)
    assert (len(claim.notifications), source.size, claim.is_last) == (2, 2, True)
    assert Notification.objects.unclaimed().count() == 1
    assert not source.take(loft.target, 2, interrupted=True).notifications


def test_the_table_of_shared_fields_has_them_all() -> None:
    assert Shared.__doc__ is not None
    fields = vars(Shared(1, Reach(1, is_probing=False), LaneConcurrency()))
    assert [
        name for name in fields if f"\n``{name}`` " not in inspect.cleandoc(Shared.__doc__ or "")
    ] == []
