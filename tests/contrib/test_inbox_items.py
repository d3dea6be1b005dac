"""The inbox's lists, counts and changes of many items."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem, item_queryset
from django_notification_system.contrib.inbox.signals import inbox_read

pytestmark = pytest.mark.django_db


def add(
    user: Any, title: str = "Milk is out", *, minutes_ago: float = 1, **fields: Any
) -> InboxItem:
    event = InboxEvent.objects.create(title=title)
    visible_from = timezone.now() - timedelta(minutes=minutes_ago)
    return InboxItem.objects.create(user=user, event=event, visible_from=visible_from, **fields)


def titles(items: Any) -> list[str]:
    return [item.event.title for item in items]


@pytest.fixture
def other(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user(username="other")


def test_the_newest_come_first_whatever_their_state(user: Any, other: Any) -> None:
    add(user, "third", minutes_ago=3, state=InboxItem.State.READ)
    add(user, "second", minutes_ago=2)
    add(user, "fourth", minutes_ago=4)
    add(user, "first", minutes_ago=1, state=InboxItem.State.READ)
    add(user, "put away", state=InboxItem.State.ARCHIVED)
    add(other, "somebody else's")
    assert titles(InboxItem.objects.of(user).newest()) == ["first", "second", "third", "fourth"]
    assert titles(InboxItem.objects.of(user).newest(2)) == ["first", "second"]
    assert titles(InboxItem.objects.of(user).unread().newest()) == ["second", "fourth"]
    assert titles(InboxItem.objects.of(user).read().newest()) == ["first", "third"]
    assert titles(InboxItem.objects.of(user).archived().newest()) == ["put away"]


def test_pages_follow_each_other_without_gap_or_repetition(user: Any) -> None:
    moment = timezone.now() - timedelta(minutes=1)
    for number in range(7):
        item = add(user, str(number), state=number % 2)
        if number < 4:  # four of one moment
            InboxItem.objects.filter(pk=item.pk).update(visible_from=moment)
    inbox, seen, before = InboxItem.objects.of(user), [], None
    while page := inbox.newest(2, before=before):
        seen += page
        before = page[-1].cursor
    assert titles(seen) == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "1", "1-", "-1", "1-2-3", "1-x", "٣-1", f"{10**20}-1", f"1-{2**63}", "9" * 99],
)
def test_a_bad_cursor_is_an_error(user: Any, cursor: str) -> None:
    with pytest.raises(ValueError, match="before is no cursor"):
        InboxItem.objects.of(user).newest(before=cursor)


@pytest.mark.parametrize("use_tz", [True, False])
def test_a_cursor_survives_its_text(settings: Any, user: Any, use_tz: bool) -> None:
    settings.USE_TZ = use_tz
    item = InboxItem(pk=42, user=user, visible_from=timezone.now())
    cursor = item_queryset.Cursor.read(item.cursor)
    assert (cursor.visible_from, cursor.pk) == (item.visible_from, 42)


def test_items_are_seen_in_their_time_only(user: Any) -> None:
    now = timezone.now()
    add(user, "tomorrow's", minutes_ago=-24 * 60)
    add(user, "expired", expires_at=now)
    add(user, "expires", expires_at=now + timedelta(hours=1))
    inbox = InboxItem.objects.of(user)
    assert titles(inbox.newest()) == ["expires"]
    assert InboxItem.objects.unread_count(user) == 1
    later = now + timedelta(days=2)
    assert titles(InboxItem.objects.of(user, at=later).newest()) == ["tomorrow's"]
    assert inbox.mark_read() == 1
    assert InboxItem.objects.filter(state=InboxItem.State.UNREAD).count() == 2


def test_somebody_who_has_not_logged_in_has_an_empty_inbox() -> None:
    assert InboxItem.objects.of(AnonymousUser()).newest() == []
    assert InboxItem.objects.unread_count(AnonymousUser()) == 0


def test_the_count_of_unread_goes_no_further_than_asked(user: Any) -> None:
    for _ in range(4):
        add(user)
    add(user, state=InboxItem.State.READ)
    assert InboxItem.objects.unread_count(user) == 4
    with CaptureQueriesContext(connection) as queries:
        assert InboxItem.objects.unread_count(user, most=3) == 3
    [query] = queries
    assert "LIMIT 3" in query["sql"]


def test_a_page_and_the_count_are_three_queries(user: Any, django_assert_num_queries: Any) -> None:
    for number in range(3):
        add(user, state=number)
    with django_assert_num_queries(3):
        assert InboxItem.objects.unread_count(user) == 1
        [one, two] = [item.as_dict() for item in InboxItem.objects.of(user).newest()]
    assert {one["state"], two["state"]} == {"unread", "read"}


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    """What ``inbox_read`` has told, in spite of another receiver that fails."""
    told: list[Any] = []

    def fails(**_said: Any) -> None:
        raise RuntimeError("no")

    def receiver(**said: Any) -> None:
        told.append((said["item_ids"], said["user_ids"], said["using"]))

    inbox_read.connect(fails, sender=InboxItem)
    inbox_read.connect(receiver, sender=InboxItem)
    yield told
    inbox_read.disconnect(fails, sender=InboxItem)
    inbox_read.disconnect(receiver, sender=InboxItem)


def test_all_are_marked_in_batches_and_the_newest_first(
    user: Any,
    other: Any,
    heard: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(item_queryset, "CHANGED_AT_ONCE", 2)
    ours = [add(user, minutes_ago=number).pk for number in range(1, 6)]
    theirs = add(other)
    inbox = InboxItem.objects.of(user)
    with django_capture_on_commit_callbacks(execute=True):
        assert inbox.mark_read() == 5
        assert heard == []
    assert heard == [(keys, [user.pk], "default") for keys in (ours[:2], ours[2:4], ours[4:])]
    assert inbox.mark_read() == 0
    theirs.refresh_from_db()
    assert theirs.is_unread
    assert InboxItem.objects.exclude(read_at=None).count() == 5


def test_what_was_unread_is_told_once_and_after_the_commit(
    user: Any, heard: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    read, archived = add(user), add(user)
    add(user, state=InboxItem.State.READ)
    inbox = InboxItem.objects.of(user)
    with django_capture_on_commit_callbacks(execute=True):
        assert inbox.filter(pk=read.pk).mark_read() == 1
        with transaction.atomic():
            assert inbox.mark_read() == 1
            transaction.set_rollback(True)
        assert inbox.archive() == 3
        assert inbox.archived().mark_unread() == 3
    assert heard == [([read.pk], [user.pk], "default"), ([archived.pk], [user.pk], "default")]


def test_the_moment_of_reading_stays_when_an_item_is_archived(user: Any) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    old = add(user, state=InboxItem.State.READ, read_at=yesterday)
    new = add(user)
    assert InboxItem.objects.of(user).archive() == 2
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.read_at, new.read_at is None) == (yesterday, False)
    assert InboxItem.objects.of(user).archived().mark_unread() == 2
    old.refresh_from_db()
    assert (old.state, old.read_at) == (InboxItem.State.UNREAD, None)


def test_an_item_as_a_dict_names_objects_and_loads_none(
    user: Any, other: Any, django_assert_num_queries: Any
) -> None:
    event = InboxEvent.objects.create(
        title="Other <commented>", url="/cart/", verb="commented", actor=other, data={"cart": 7}
    )
    item = InboxItem.objects.create(user=user, event=event)
    item.as_dict()  # content types are read once a process
    with django_assert_num_queries(1):
        [listed] = InboxItem.objects.of(user).unread().newest()
        values = listed.as_dict()
    assert values == {
        "id": item.pk,
        "event": str(event.pk),
        "state": "unread",
        "category": "",
        "type": "",
        "level": "info",
        "title": "Other <commented>",
        "body": "",
        "url": "/cart/",
        "verb": "commented",
        "actor": {"model": "auth.user", "id": str(other.pk)},
        "about": None,
        "action_object": None,
        "data": {"cart": 7},
        "created": event.created.isoformat(),
        "visible_from": item.visible_from.isoformat(),
        "expires_at": None,
        "read_at": None,
    }


def test_items_go_with_their_user_or_event(user: Any, other: Any) -> None:
    mine, theirs = add(user), add(other)
    mine.event.delete()
    other.delete()
    assert list(InboxItem.objects.all()) == []
    assert list(InboxEvent.objects.all()) == [theirs.event]
