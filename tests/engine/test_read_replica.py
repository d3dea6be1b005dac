"""Where a router reads from a replica, what is written goes to the primary, and is read there."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.admin.actions import bulk
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
    changes,
)
from tests.support.other_database import Elsewhere, other_database

__all__ = ["other_database"]


@pytest.fixture
def record(
    other_database: None, django_db_setup: None, django_db_blocker: Any, settings: Any
) -> Iterator[TargetUserRecord]:
    """A record in the primary, of which the replica knows nothing as yet."""
    settings.DATABASE_ROUTERS = [Elsewhere()]
    with django_db_blocker.unblock():
        user = get_user_model().objects.create(username="egg")
        target = NotificationTarget.objects.using("elsewhere").get(name="Email")
        yield TargetUserRecord.objects.create(
            user=user, target=target, target_user_id="egg@example.com", description="-"
        )
        user.delete()


def make_notification(record: TargetUserRecord, **fields: Any) -> Notification:
    later = timezone.now() + timedelta(hours=1)
    return Notification.objects.create(
        target_user_record=record, title="Eggs", scheduled_delivery=later, **fields
    )


def status_of(notification: Notification) -> str:
    return Notification.objects.using("elsewhere").get(pk=notification.pk).status


def test_deleting_opt_outs_asks_and_writes_in_the_primary(record: TargetUserRecord) -> None:
    notification = make_notification(record, status="SCHEDULED")
    NotificationOptOut.objects.create(user=record.user, active=True)
    assert status_of(notification) == "OPTED OUT"
    with CaptureQueriesContext(connection) as of_replica:
        deleted, _ = NotificationOptOut.objects.filter(user=record.user).delete()
    assert deleted == 1
    assert status_of(notification) == "SCHEDULED"
    assert len(of_replica) == 0


def test_an_action_of_the_admin_changes_and_asks_the_primary(record: TargetUserRecord) -> None:
    notification = make_notification(record, status="SCHEDULED")
    chosen = Notification.objects.filter(pk=notification.pk)
    assert chosen.db == "default"  # the replica
    with CaptureQueriesContext(connection) as of_replica:
        changed = changes.apply(bulk.CHANGES["cancel"], chosen, timezone.now(), log=None)
    assert (changed.changed, status_of(notification)) == (1, "CANCELLED")
    assert len(of_replica) == 0


def test_what_is_created_is_found_again_in_the_primary(record: TargetUserRecord) -> None:
    values = {"target_user_record": record, "title": "Eggs"}
    first = make_notification(record, status="SCHEDULED")
    Notification.objects.filter(pk=first.pk).update(
        scheduled_delivery=timezone.now() + timedelta(days=1)
    )
    moment = first.scheduled_delivery
    with CaptureQueriesContext(connection) as of_replica:
        again, created = Notification.objects.get_or_create(**values, scheduled_delivery=moment)
    assert (again.pk, created) == (first.pk, False)
    assert all(query["sql"].startswith("SELECT") for query in of_replica)


def test_saving_and_deleting_an_opt_out_writes_in_the_primary(record: TargetUserRecord) -> None:
    notification = make_notification(record, status="SCHEDULED")
    with CaptureQueriesContext(connection) as of_replica:
        opt_out = NotificationOptOut(user=record.user, active=True)
        opt_out.save()
        assert status_of(notification) == "OPTED OUT"
        opt_out.active = False
        opt_out.save()
        assert status_of(notification) == "SCHEDULED"
        opt_out.delete()
    assert len(of_replica) == 0
