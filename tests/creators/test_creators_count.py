"""A project's own creator is asked once for a user, and its rows alone are counted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_creators import create
from tests.support.elsewhere import elsewhere, no_threads
from tests.support.runs import in_real_transactions

CREATOR = """
from django.utils import timezone
from django_notification_system.models import Notification
from tests.creators import test_creators_count

def create_notification(user, title, body):
    test_creators_count.asked.append(user.pk)
    for record in user.notification_target_user_records.all():
        Notification.objects.create(
            target_user_record=record,
            title=title,
            body=str(len(test_creators_count.asked)),
            scheduled_delivery=timezone.now(),
        )
    test_creators_count.meanwhile()
"""

asked: list[Any] = []


def meanwhile() -> None:
    """Be replaced by a test."""


@pytest.fixture(autouse=True)
def creator(settings: Any, tmp_path: Path) -> Iterator[None]:
    related = TargetUserRecord._meta.get_field("user").remote_field.get_accessor_name()
    (tmp_path / "email.py").write_text(CREATOR.replace("notification_target_user_records", related))
    settings.NOTIFICATION_SYSTEM_CREATORS = [str(tmp_path)]
    asked.clear()
    yield
    asked.clear()


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["Email", None])
def test_user_in_two_batches_is_notified_once(
    target: Any, user: Any, email: TargetUserRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create, "BATCH_SIZE", 1)
    TargetUserRecord.objects.exclude(pk=email.pk).delete()
    assert notify([user, user, user], "Hello", "-", target=target) == 1
    assert asked == [user.pk]
    assert Notification.objects.count() == 1
    assert notify([user], "Hello again", "-", target=target) == 1


@no_threads
@in_real_transactions
def test_rows_of_others_are_not_counted(
    user: Any, email: TargetUserRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    TargetUserRecord.objects.exclude(pk=email.pk).delete()

    def somebody_else() -> None:
        elsewhere(
            lambda: Notification.objects.create(
                target_user_record_id=email.pk,
                title="Another",
                body="-",
                scheduled_delivery=timezone.now(),
            )
        )

    monkeypatch.setattr(f"{__name__}.meanwhile", somebody_else)
    assert notify(user, "Hello", "-", target="Email") == 1
    assert Notification.objects.count() == 2
