"""The inbox in purges, exports and erasures."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem
from django_notification_system.operations.erase_person import erase_person_data
from django_notification_system.operations.export_person import export_person_data

pytestmark = pytest.mark.django_db
OLD = timedelta(days=100)


def add(user: Any, title: str, **fields: Any) -> InboxItem:
    event = InboxEvent.objects.create(title=title, created=timezone.now() - OLD)
    return InboxItem.objects.create(user=user, event=event, **fields)


@pytest.fixture
def other(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user(username="other")


def purge(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("purge_notifications", "--older-than=90d", *arguments)
    return capsys.readouterr().out


def titles() -> set[str]:
    return set(InboxItem.objects.values_list("event__title", flat=True))


@pytest.mark.parametrize("size", ["1", "1000"])
def test_a_purge_takes_what_was_read_long_ago_and_what_expired(
    user: Any, other: Any, size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before, now = timezone.now() - OLD, timezone.now()
    read, archived = InboxItem.State.READ, InboxItem.State.ARCHIVED
    shared = add(user, "read long ago", state=read, read_at=before).event
    add(user, "archived long ago", state=archived, read_at=before)
    add(user, "expired long ago", expires_at=before)
    add(user, "read now", state=read, read_at=now)
    add(user, "unread", visible_from=before)
    InboxItem.objects.create(user=other, event=shared)
    InboxEvent.objects.create(title="of nobody", created=before)
    InboxEvent.objects.create(title="being written", created=now)
    assert "Would delete 3 items of the inbox." in purge(capsys, "--dry-run")
    assert InboxItem.objects.count() == 6
    assert "of the inbox" not in purge(capsys, "--status=delivered")
    assert "Deleted 3 items of the inbox." in purge(capsys, f"--batch-size={size}")
    assert titles() == {"read now", "unread", "read long ago"}
    assert set(InboxEvent.objects.values_list("title", flat=True)) == titles() | {"being written"}


def test_an_export_has_the_persons_own_items(user: Any, other: Any) -> None:
    add(user, "Mine", state=InboxItem.State.READ)
    add(other, "Not mine")
    [item] = export_person_data(user)["inbox"]
    assert (item["title"], item["state"]) == ("Mine", "read")


@pytest.mark.usefixtures("without_inbox")
def test_without_the_app_an_export_says_nothing_of_an_inbox(user: Any) -> None:
    assert "inbox" not in export_person_data(user)


def test_an_erasure_takes_the_persons_items_and_nobody_elses(user: Any, other: Any) -> None:
    shared = add(user, "Shared").event
    InboxItem.objects.create(user=other, event=shared)
    add(user, "Mine alone")
    assert erase_person_data(user, dry_run=True).items == 2
    assert erase_person_data(user).items == 2
    assert list(InboxItem.objects.values_list("user", flat=True)) == [other.pk]
    assert InboxEvent.objects.get() == shared
