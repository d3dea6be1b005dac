"""A fallback is sent unless the user has read the message on the site."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system import on_site
from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem
from django_notification_system.models import Notification
from django_notification_system.notification_creators.notify import notify
from django_notification_system.on_site import Fallback
from django_notification_system.testing import Outbox, assert_notified
from tests.conftest import MakeDue

pytestmark = pytest.mark.django_db
TARGET = ["inbox", Fallback("Email", after=timedelta(minutes=10))]


@pytest.fixture
def later(user: Any, email: Any) -> Notification:
    """The email of a message in the inbox, due by now."""
    notify(user, "Order 17", "On its way", target=TARGET)
    return due(Notification.objects.get())


def due(notification: Notification) -> Notification:
    """Let the ten minutes pass."""
    moment = timezone.now() - timedelta(minutes=1)
    Notification.objects.filter(pk=notification.pk).update(scheduled_delivery=moment)
    return notification


def test_what_is_unread_is_sent(later: Notification, outbox: Outbox) -> None:
    outbox.deliver()
    later.refresh_from_db()
    assert later.status == "DELIVERED"
    assert len(outbox) == 1


@pytest.mark.parametrize("change", ["mark_read", "archive"])
def test_what_was_read_is_cancelled(
    user: Any, later: Notification, outbox: Outbox, change: str
) -> None:
    getattr(InboxItem.objects.of(user), change)()
    outbox.deliver()
    later.refresh_from_db()
    assert (later.status, later.response) == ("CANCELLED", "Read on the site.")
    assert later.attempted_delivery is None
    assert len(outbox) == 0


def test_a_long_message_is_cancelled_too(user: Any, email: Any, outbox: Outbox) -> None:
    notify(user, "Order 17", "long " * 50_000, target=TARGET)
    InboxItem.objects.of(user).mark_read()
    later = due(Notification.objects.get())
    outbox.deliver()
    later.refresh_from_db()
    assert (later.status, later.response) == ("CANCELLED", "Read on the site.")


def test_a_purge_before_the_fallback_is_due_lets_nothing_out(
    user: Any, email: Any, outbox: Outbox
) -> None:
    week = timedelta(days=7)
    key = "17"
    for after in (week, 2 * week):  # another call of the same occasion waits longer
        target = ["inbox", Fallback("Email", after=after)]
        notify(user, "Order 17", "-", target=target, idempotency_key=key)
    long_ago = timezone.now() - timedelta(hours=2)
    InboxItem.objects.update(state=InboxItem.State.READ, read_at=long_ago)
    call_command("purge_notifications", "--older-than=1h")
    assert InboxItem.objects.count() == 1
    due(Notification.objects.get())
    outbox.deliver()
    assert Notification.objects.get().response == "Read on the site."
    InboxEvent.objects.update(keep_until=long_ago)
    call_command("purge_notifications", "--older-than=1h")
    assert InboxItem.objects.count() == 0


def test_somebody_elses_reading_changes_nothing(
    user: Any, later: Notification, outbox: Outbox, django_user_model: Any
) -> None:
    other = django_user_model.objects.create_user(username="other")
    InboxItem.objects.create(
        user=other, event=InboxItem.objects.get().event, state=InboxItem.State.READ
    )
    outbox.deliver()
    assert len(outbox) == 1


def test_a_dry_run_tells_and_changes_nothing(
    user: Any, later: Notification, process: Callable[..., str]
) -> None:
    InboxItem.objects.of(user).mark_read()
    assert "Read on the site." in process("--dry-run")
    later.refresh_from_db()
    assert later.status == "SCHEDULED"


def test_a_failed_assertion_says_why(user: Any, later: Notification, outbox: Outbox) -> None:
    InboxItem.objects.of(user).mark_read()
    with pytest.raises(AssertionError, match="has read it on the site"):
        assert_notified(user, title="Order 17")


def test_one_query_and_only_for_fallbacks(
    user: Any, email: Any, make_due: MakeDue, outbox: Outbox
) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as queries:
            outbox.deliver()
        return sum("inbox" in query["sql"] for query in queries)

    make_due(email)
    make_due(email, title="Words of the project's", extra={"event": "Gala", "unless": "read"})
    assert questions() == 0
    for number in range(3):
        notify(user, f"Order {number}", "On its way", target=TARGET)
    for notification in Notification.objects.filter(status="SCHEDULED"):
        due(notification)
    assert questions() == 1


def test_without_the_app_what_waits_is_sent(
    later: Notification, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    InboxItem.objects.update(state=InboxItem.State.READ)
    monkeypatch.setattr(on_site, "_inbox", None)
    outbox.deliver()
    assert len(outbox) == 1
