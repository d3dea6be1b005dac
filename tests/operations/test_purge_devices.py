"""``purge_devices``: which devices go, and which stay."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_notification_system.exceptions import InvalidNotification
from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.fcm.devices import register_device
from django_notification_system.operations.purge_devices import DevicePurge, Removed
from django_notification_system.subscriptions import subscribe
from tests.conftest import MakeDue

pytestmark = pytest.mark.django_db


@pytest.fixture
def fcm(db: None) -> NotificationTarget:
    return NotificationTarget.objects.create(name="FCM", notification_module_name="fcm")


def device(user: Any, target: NotificationTarget, token: str, *, days: int) -> TargetUserRecord:
    """Register a device, and let the days go by."""
    record = register_device(user, target, token)
    moment = timezone.now() - timedelta(days=days)
    assert record.details is not None
    details = {**record.details, "seen_at": int(moment.timestamp())}
    TargetUserRecord.objects.filter(pk=record.pk).update(details=details, created_date=moment)
    return record


def purge(*options: str, **more: Any) -> str:
    printed = StringIO()
    call_command("purge_devices", "--older-than=60d", *options, stdout=printed, **more)
    return printed.getvalue()


def left() -> set[Any]:
    return set(TargetUserRecord.objects.values_list("pk", flat=True))


def test_old_devices_are_deleted_or_switched_off(
    user: User, fcm: NotificationTarget, make_due: MakeDue
) -> None:
    gone = device(user, fcm, "gone:1", days=61)
    used = device(user, fcm, "used:1", days=61)
    make_due(used)
    fresh = device(user, fcm, "fresh:1", days=59)
    before = left()
    would = "Devices that would be deleted: 1; switched off: 1.\n"
    assert (purge("--dry-run"), left()) == (would, before)
    assert purge() == "Devices deleted: 1; switched off: 1.\n"
    assert left() == before - {gone.pk}
    used.refresh_from_db()
    assert (used.active, used.inactive_reason, used.details) == (False, "unseen", None)
    fresh.refresh_from_db()
    assert fresh.active
    assert purge() == "Devices deleted: 0; switched off: 0.\n"


def test_a_record_that_says_nothing_of_being_seen_stays(
    user: User, fcm: NotificationTarget
) -> None:
    record = subscribe(user, fcm, "eggs:1", {"token": "eggs:1"})
    TargetUserRecord.objects.update(created_date=timezone.now() - timedelta(days=900))
    purge()
    assert left() == {record.pk}


def test_registering_again_keeps_a_device_and_brings_one_back(
    user: User, fcm: NotificationTarget, make_due: MakeDue
) -> None:
    record = device(user, fcm, "eggs:1", days=61)
    make_due(record)
    purge()
    assert register_device(user, fcm, "eggs:1").pk == record.pk
    purge()
    record.refresh_from_db()
    assert (record.active, record.inactive_reason) == (True, "")


def test_a_device_registered_during_the_purge_stays(
    user: User, fcm: NotificationTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = device(user, fcm, "eggs:1", days=61)
    switch_off = DevicePurge._switch_off

    def register_first(self: DevicePurge, keys: Any) -> Any:
        register_device(user, fcm, "eggs:1")
        return switch_off(self, keys)

    monkeypatch.setattr(DevicePurge, "_switch_off", register_first)
    purge()
    assert left() == {record.pk}
    record.refresh_from_db()
    assert record.active


def test_batches_reach_all(user: User, fcm: NotificationTarget) -> None:
    for number in range(5):
        device(user, fcm, f"old:{number}", days=61)
        device(user, fcm, f"new:{number}", days=1)
    TargetUserRecord.objects.update(created_date=timezone.now() - timedelta(days=99))
    before = timezone.now() - timedelta(days=60)
    batches = DevicePurge(before=before, using="default", targets=[fcm], batch_size=2).run()
    assert sum(batches, Removed()) == Removed(deleted=5)
    assert len(left()) == 5


def test_only_the_named_target(user: User, fcm: NotificationTarget) -> None:
    device(user, fcm, "eggs:1", days=61)
    assert "deleted: 0" in purge("--target", "email")
    assert "deleted: 1" in purge("--target", "fcm", "--dry-run")
    with pytest.raises(CommandError, match="nest"):
        purge("--target", "nest")
    assert purge("--target", "FCM", verbosity=0) == ""
    assert left() == set()


@pytest.mark.parametrize("token", ["", "two words", None])
def test_what_is_no_token_is_refused(user: User, fcm: NotificationTarget, token: Any) -> None:
    with pytest.raises(InvalidNotification, match="one word"):
        register_device(user, fcm, token)
    assert left() == set()
