"""Users with an address, in bulk, and creators of a project's own, for tests of ``notify()``."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from django_notification_system.models import (
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_creators import create

MOMENT = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class Crowd:
    """Makes users with an address in the Email target, in bulk."""

    def __init__(self, user_model: Any) -> None:
        self.user_model = user_model

    def __call__(self, count: int, target_name: str = "Email") -> list[Any]:
        already = self.user_model.objects.count()
        names = [f"user-{number}" for number in range(already, already + count)]
        self.user_model.objects.bulk_create(self.user_model(username=name) for name in names)
        users = list(self.user_model.objects.filter(username__in=names).order_by("pk"))
        target, _ = NotificationTarget.objects.get_or_create(  # gone after a transactional test
            name=target_name, defaults={"notification_module_name": target_name.lower()}
        )
        TargetUserRecord.objects.bulk_create(
            TargetUserRecord(
                user=user, target=target, target_user_id=f"{user}@example.com", description="-"
            )
            for user in users
        )
        return users


@pytest.fixture
def crowd(db: None, django_user_model: Any) -> Crowd:
    return Crowd(django_user_model)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> int:
    """Few users to a batch, so that a few users make several."""
    monkeypatch.setattr(create, "BATCH_SIZE", 3)
    return 3


def opt_out(*users: Any) -> None:
    for user in users:
        NotificationOptOut.objects.create(user=user, active=True)


PIGEON_CREATOR = """
from ..exceptions import NotificationsNotCreated, UserHasNoTargetRecords, UserIsOptedOut
from ..models import Notification, TargetUserRecord
from django.utils import timezone

def create_notification(user, title, body, scheduled_delivery=None, retry_time_interval=77,
                        max_retries=3, quiet=False, extra=None):
    records = TargetUserRecord.objects.filter(
        user=user, target__notification_module_name=__name__.rpartition("_")[2], active=True)
    if not records:
        raise UserHasNoTargetRecords()
    made = False
    for record in records:
        _, created = Notification.objects.get_or_create(
            target_user_record=record, title="From a pigeon: " + title,
            scheduled_delivery=scheduled_delivery or timezone.now(), extra=extra or {},
            defaults={"body": body, "status": "SCHEDULED", "max_retries": max_retries,
                      "retry_time_interval": retry_time_interval})
        made = made or created
    if not made:
        raise NotificationsNotCreated()
"""


class Creators:
    """Writes creators into a folder that the settings name, and a record for each user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, module_name: str, source: str) -> NotificationTarget:
        (self.folder / f"{module_name}.py").write_text(source)
        target, _ = NotificationTarget.objects.get_or_create(
            notification_module_name=module_name, defaults={"name": module_name.title()}
        )
        return target

    def address(self, target: NotificationTarget, *users: Any) -> None:
        for user in users:
            TargetUserRecord.objects.create(
                user=user, target=target, target_user_id=f"loft {user.pk}", description="-"
            )


@pytest.fixture
def creators(settings: Any, tmp_path: Path, db: None) -> Iterator[Creators]:
    settings.NOTIFICATION_SYSTEM_CREATORS = [str(tmp_path)]
    before = set(sys.modules)
    yield Creators(tmp_path)
    for name in set(sys.modules) - before:
        del sys.modules[name]
