"""The examples of the pages about the inbox's data."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system.contrib.inbox.models import InboxItem
from django_notification_system.models import Notification
from tests.support.documentation import run_example

pytestmark = pytest.mark.django_db


def test_the_example_writes_into_the_inbox_and_sends_an_email(user: Any, email: Any) -> None:
    for expected in (2, 0):
        assert run_example("inbox_write.py")["created"] == expected
    assert InboxItem.objects.get().event.actor == user


def test_the_fallback_example_sends_ten_minutes_later(user: Any, email: Any) -> None:
    run_example("inbox_fallback.py")
    due_at = Notification.objects.get().scheduled_delivery
    assert timedelta(minutes=9) < due_at - timezone.now() <= timedelta(minutes=10)


def test_the_example_of_lists_reads_and_archives(user: Any, email: Any) -> None:
    run_example("inbox_write.py")
    said = run_example("inbox_items.py")
    assert (said["number"], len(said["page"]), said["next_page"]) == (1, 1, [])
    assert InboxItem.objects.get().state == InboxItem.State.ARCHIVED


def test_the_example_for_those_who_come_from_elsewhere(user: Any) -> None:
    [item] = run_example("inbox_from_django_notifications.py")["unread"]
    assert (item.event.title, item.event.verb) == ("egg commented on egg", "commented")


def test_the_example_keeps_the_calls_of_elsewhere(user: Any) -> None:
    said = run_example("inbox_compat.py")
    assert [item.event.title for item in said["unread"]] == ["egg logged in"]
    assert said["read"] == 1
    assert InboxItem.objects.get().event.data["device"] == "phone"
