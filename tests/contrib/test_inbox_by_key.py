"""Items whose time has not come are called off and moved together with the notifications."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system import cancel, notify, reschedule
from django_notification_system.contrib.inbox.models import InboxItem
from django_notification_system.exceptions import InvalidNotification
from django_notification_system.models import Notification
from django_notification_system.on_site import Fallback

pytestmark = pytest.mark.django_db

TOMORROW = timezone.now() + timedelta(days=1)
LATER = timezone.now() + timedelta(days=2)


def remind(users: Any, target: Any = ("inbox", "Email"), **arguments: Any) -> int:
    options = {"scheduled_delivery": TOMORROW, "idempotency_key": "trial", **arguments}
    return notify(users, "Your trial ends", "Soon.", target=target, **options)


def seen(user: Any, at: Any = LATER) -> int:
    return InboxItem.objects.of(user, at=at).count()


def test_a_reminder_called_off_is_in_no_inbox_and_made_no_more(user: Any, records: Any) -> None:
    assert remind(user) == 2
    assert remind(user, "inbox", idempotency_key="another") == 1
    assert cancel("trial").changed == 2
    assert seen(user) == 1
    assert remind(user) == 0
    assert seen(user) == 1
    assert cancel("trial").changed == 0


def test_what_a_reader_may_have_seen_stays(user: Any) -> None:
    remind(user, "inbox", scheduled_delivery=None)
    assert cancel("trial").changed == 0
    assert reschedule("trial", LATER).changed == 0
    assert seen(user, timezone.now()) == 1


def test_items_are_moved_with_the_notifications_of_the_users_named(
    user: Any, records: Any, django_user_model: Any
) -> None:
    other = django_user_model.objects.create(username="other")
    remind([user, other])
    assert reschedule("trial", LATER, iter([user])).changed == 2
    just_before = LATER - timedelta(seconds=1)
    assert (seen(user, just_before), seen(other, just_before)) == (0, 1)
    assert seen(user) == 1
    assert cancel("trial", other).changed == 1
    assert (seen(user), seen(other)) == (1, 0)


def test_an_item_is_moved_beyond_no_end(user: Any) -> None:
    remind(user, "inbox", expires_at=LATER)
    with pytest.raises(InvalidNotification, match=r"'Your trial ends' expires at .*Nothing was"):
        reschedule("trial", LATER)
    assert seen(user, TOMORROW) == 1
    assert reschedule("trial", LATER, expires_at=LATER + timedelta(days=1)).changed == 1
    assert (seen(user, TOMORROW), seen(user)) == (0, 1)


def test_a_fallback_is_not_moved_past_its_item(user: Any, records: Any) -> None:
    remind(user, ["inbox", Fallback("Email", after=timedelta(minutes=10))])
    due_at = Notification.objects.get().scheduled_delivery
    with pytest.raises(InvalidNotification, match=r"Fallback.*Nothing was moved.*cancel\(\)"):
        reschedule("trial", LATER)
    assert Notification.objects.get().scheduled_delivery == due_at
    assert seen(user, TOMORROW) == 1
    assert cancel("trial").changed == 2
