"""The calls of django-notifications-hq: ``notify.send()`` and ``user.notifications``."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.utils.translation import gettext_lazy

from django_notification_system.contrib.inbox.compat import notify
from django_notification_system.contrib.inbox.compat.user import notifications_of
from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem
from django_notification_system.exceptions import InvalidNotification
from django_notification_system.models import NotificationOptOut
from tests.support.places import ROOT
from tests.support.site import SITE
from tests.support.subprocesses import run_python

pytestmark = pytest.mark.django_db
MOMENT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.fixture
def others(django_user_model: Any) -> Any:
    """Two more users."""
    for name in ("ann", "ben"):
        django_user_model.objects.create_user(username=name)
    return django_user_model.objects.filter(username__in=["ann", "ben"]).order_by("pk")


def sent(*arguments: Any, **named: Any) -> list[InboxItem]:
    [(receiver, items)] = notify.send(*arguments, **named)
    assert receiver is notify.send
    return items


def test_every_argument_is_kept(user: Any, others: Any) -> None:
    ann, ben = others
    group = Group.objects.create(name="team")
    [item] = sent(
        user,
        recipient=ann,
        verb=gettext_lazy("invited"),
        action_object=ben,
        target=group,
        level="warning",
        description="Come in",
        public=False,
        timestamp=MOMENT,
        page=7,
    )
    item.refresh_from_db()
    event = item.event
    assert (event.title, event.body) == ("egg invited ben on team", "Come in")
    assert (event.verb, event.level, event.created) == ("invited", "warning", MOMENT)
    assert (event.actor, event.action_object, event.about) == (user, ben, group)
    assert event.data == {"page": 7, "public": False, "emailed": False}
    assert (item.user, item.visible_from, item.is_unread) == (ann, MOMENT, True)


def test_without_options_the_defaults_are_theirs(user: Any) -> None:
    [item] = sent(user, recipient=user, verb="logged in")
    event = item.event
    assert (event.title, event.body, event.level) == ("egg logged in", "", "info")
    assert event.data == {"public": True, "emailed": False}


@pytest.mark.parametrize("kind", ["queryset", "list", "group"])
def test_recipients_are_many(user: Any, others: Any, kind: str) -> None:
    group = Group.objects.create(name="team")
    group.user_set.set(others)
    recipient = {"queryset": others, "list": list(others), "group": group}[kind]
    items = sent(user, recipient=recipient, verb="left")
    assert [item.user for item in items] == list(others)
    assert InboxEvent.objects.count() == 1


def test_the_same_call_twice_tells_twice(user: Any) -> None:
    first, second = (sent(user, recipient=user, verb="knocked") for _ in range(2))
    assert first[0].event_id != second[0].event_id
    assert notifications_of(user).count() == 2


def test_nobody_to_tell_is_no_error(user: Any, others: Any) -> None:
    assert sent(user, recipient=Group.objects.create(name="empty"), verb="left") == []
    ann = others[0]
    NotificationOptOut.objects.create(user=ann, active=True)
    assert [item.user for item in sent(user, recipient=others, verb="left")] == [others[1]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"level": "loud"}, "level"), ({"target": Group(name="new")}, "about is an unsaved Group")],
)
def test_what_no_inbox_could_show_is_refused(
    user: Any, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidNotification, match=said):
        notify.send(user, recipient=user, verb="left", **arguments)
    assert not InboxEvent.objects.exists()


def test_a_long_sentence_is_cut(user: Any) -> None:
    group = Group.objects.create(name="long " * 29)
    [item] = sent(user, recipient=user, verb="left", action_object=group, target=group)
    assert len(item.event.title) == 200
    assert item.event.title.endswith("…")


@pytest.mark.parametrize("use_tz", [True, False])
def test_a_moment_without_a_zone_is_the_projects(settings: Any, user: Any, use_tz: bool) -> None:
    settings.USE_TZ = use_tz
    [item] = sent(user, recipient=user, verb="left", timestamp=MOMENT.replace(tzinfo=None))
    item.refresh_from_db()
    assert item.visible_from.replace(tzinfo=None) == item.event.created.replace(tzinfo=None)
    assert item.visible_from.year == 2024


def test_the_lists_have_their_names(user: Any, others: Any, django_assert_num_queries: Any) -> None:
    for verb in ("first", "second", "third"):
        sent(user, recipient=user, verb=verb)
    sent(user, recipient=others, verb="elsewhere")
    lists = notifications_of(user)
    with django_assert_num_queries(1):
        verbs = [item.event.verb for item in lists.unread()]
    assert verbs == ["third", "second", "first"]
    assert lists.unread()[:1].get().event.verb == "third"
    assert lists.filter(event__verb="first").mark_all_as_read() == 1
    assert (lists.unread().count(), lists.read().count(), lists.count()) == (2, 1, 3)
    assert lists.mark_all_as_read() == 2
    assert lists.read().mark_all_as_unread() == 3
    assert lists.filter(event__verb="first").mark_all_as_deleted() == 1
    assert [item.event.verb for item in lists.deleted()] == ["first"]
    assert lists.mark_all_as_unread() == 0
    assert (lists.active().count(), lists.count()) == (2, 3)
    assert InboxItem.objects.unread_count(others[0]) == 1


def test_the_mixin_gives_a_user_model_the_lists_and_no_migration() -> None:
    done = run_python("own_user.py", folder=SITE, environment={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "title": "ann@example.com logged in",
        "actor": True,
        "unread": 1,
        "read": 1,
        "left": [0, 1],
    }


def test_somebody_who_has_not_logged_in_has_no_items() -> None:
    assert not notifications_of(AnonymousUser()).exists()
