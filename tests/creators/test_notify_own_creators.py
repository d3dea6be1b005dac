"""``notify()`` in targets with a creator of the project's own."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_notification_system import notify
from django_notification_system.categories import Category, known_categories
from django_notification_system.exceptions import (
    InvalidNotification,
    NotificationsNotCreated,
    TargetUnavailable,
    UserHasNoTargetRecords,
    UserIsOptedOut,
)
from django_notification_system.models import (
    Notification,
    NotificationTarget,
)
from tests.support.crowds import (
    MOMENT,
    PIGEON_CREATOR,
    Creators,
    Crowd,
    creators,
    crowd,
    opt_out,
    small_batches,
)

__all__ = ["creators", "crowd", "small_batches"]


def test_a_projects_creator_makes_the_notifications_of_its_target(
    creators: Creators, user: Any, records: Any
) -> None:
    creators.address(creators.write("pigeon", PIGEON_CREATOR), user)
    assert notify(user, "Hello", "World", target="Pigeon", extra={"coo": [1]}) == 1
    notification = Notification.objects.get()
    assert notification.title == "From a pigeon: Hello"
    assert notification.retry_time_interval == 77
    assert notification.extra == {"coo": [1]}
    notify(
        user,
        "Hello",
        "World",
        target="Pigeon",
        scheduled_delivery=MOMENT,
        retry_time_interval=5,
        max_retries=6,
    )
    notification = Notification.objects.get(scheduled_delivery=MOMENT)
    assert (notification.retry_time_interval, notification.max_retries) == (5, 6)


def test_a_projects_creator_is_asked_only_where_the_user_has_a_record(
    creators: Creators, crowd: Crowd, small_batches: int
) -> None:
    users = crowd(5)
    creators.address(creators.write("pigeon", PIGEON_CREATOR), *users[2:])
    assert notify(users, "Hello", "World") == 8
    assert Notification.objects.filter(title="From a pigeon: Hello").count() == 3


def test_who_has_opted_out_is_not_handed_to_a_projects_creator(
    creators: Creators, crowd: Crowd, small_batches: int
) -> None:
    users = crowd(5)
    creators.address(creators.write("pigeon", PIGEON_CREATOR), *users)
    opt_out(*users[:2])
    assert notify(users, "Hello", "World", target="Pigeon") == 3
    opt_out(*users[2:])
    with pytest.raises(UserIsOptedOut, match="All 5 users"):
        notify(users, "Hello", "World", target="Pigeon")


def test_what_a_projects_creator_raises_counts_as_skipped(
    creators: Creators, crowd: Crowd, small_batches: int
) -> None:
    users = crowd(5)
    target = creators.write("pigeon", PIGEON_CREATOR)
    with pytest.raises(UserHasNoTargetRecords, match="None of the 5 users"):
        notify(users, "Hello", "World", target="Pigeon")
    creators.address(target, *users[1:])
    arguments: dict[str, Any] = {"target": "Pigeon", "scheduled_delivery": MOMENT}
    assert notify(users, "Hello", "World", **arguments) == 4
    with pytest.raises(NotificationsNotCreated, match="exists already"):
        notify(users, "Hello", "World", **arguments)
    assert notify(users, "Hello", "World", **arguments, quiet=True) == 0


def test_a_refusal_by_a_projects_creator_is_never_silenced(
    creators: Creators, crowd: Crowd
) -> None:
    source = """
from django_notification_system.exceptions import InvalidNotification

def create_notification(user, title, body):
    raise InvalidNotification("pigeons carry no more than 10 characters")
"""
    users = crowd(2)
    creators.address(creators.write("pigeon", source), *users)
    with pytest.raises(InvalidNotification, match="no more than 10"):
        notify(users, "Hello", "World", quiet=True)
    assert not Notification.objects.exists()


def test_any_other_error_of_a_projects_creator_takes_all_back(
    creators: Creators, crowd: Crowd, small_batches: int
) -> None:
    users = crowd(5)
    source = PIGEON_CREATOR + (
        "    if user.username.endswith('4'):\n        raise ZeroDivisionError('pigeon')\n"
    )
    creators.address(creators.write("pigeon", source), *users)
    with pytest.raises(ZeroDivisionError):
        notify(users, "Hello", "World")
    assert not Notification.objects.exists()


def test_a_creator_in_the_place_of_a_built_in_one_is_used(
    creators: Creators, user: Any, records: Any
) -> None:
    creators.write("email", PIGEON_CREATOR)
    assert notify(user, "Hello", target="Email") == 1, "its own rules: a body is not needed"
    assert Notification.objects.get().title == "From a pigeon: Hello"


def test_a_creator_from_a_package_is_used(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, creators: Creators, user: Any
) -> None:
    package = tmp_path / "package_of_creators"
    package.mkdir()
    (package / "__init__.py").touch()
    source = PIGEON_CREATOR.replace("from ..", "from django_notification_system.")
    (package / "pigeon.py").write_text(source.replace('rpartition("_")', 'rpartition(".")'))
    monkeypatch.syspath_prepend(tmp_path)
    settings.NOTIFICATION_SYSTEM_CREATORS = ["package_of_creators"]
    target = NotificationTarget.objects.create(name="Pigeon", notification_module_name="pigeon")
    creators.address(target, user)
    assert notify(user, "Hello", "World") == 1
    assert Notification.objects.get().title == "From a pigeon: Hello"


def test_a_module_without_the_function_is_named(creators: Creators, user: Any) -> None:
    creators.address(creators.write("pigeon", "def create(): ..."), user)
    with pytest.raises(TargetUnavailable) as raised:
        notify(user, "Hello", "World", quiet=True)
    assert str(raised.value) == (
        f"{creators.folder / 'pigeon.py'} defines no create_notification(). Add it."
    )


def test_a_module_that_does_not_import_is_named(creators: Creators, user: Any) -> None:
    creators.address(creators.write("pigeon", "import a_pigeon"), user)
    with pytest.raises(TargetUnavailable, match=r"pigeon\.py does not import: ModuleNotFound"):
        notify(user, "Hello", "World")


def test_a_broken_creator_of_another_target_does_no_harm(
    creators: Creators, user: Any, records: Any
) -> None:
    creators.write("pigeon", "import a_pigeon")
    assert notify(user, "Hello", "World") == 3


def test_a_key_goes_to_a_creator_that_takes_it(creators: Creators, user: Any) -> None:
    source = PIGEON_CREATOR.replace("extra=None)", "extra=None, idempotency_key=None)").replace(
        '"retry_time', '"idempotency_key": idempotency_key, "retry_time'
    )
    creators.address(creators.write("pigeon", source), user)
    arguments: dict[str, Any] = {"target": "Pigeon", "idempotency_key": "order-1"}
    assert notify(user, "Hello", "World", **arguments) == 1
    assert notify(user, "Hello", "World", **arguments) == 0
    assert Notification.objects.get().idempotency_key == "order-1"


def test_a_key_is_refused_where_a_creator_does_not_take_it(creators: Creators, user: Any) -> None:
    creators.address(creators.write("pigeon", PIGEON_CREATOR), user)
    with pytest.raises(InvalidNotification, match=r"pigeon\.py takes no idempotency_key"):
        notify(user, "Hello", "World", idempotency_key="order-1")


def test_an_expiry_goes_to_a_creator_that_takes_it(creators: Creators, user: Any) -> None:
    source = PIGEON_CREATOR.replace("extra=None)", "extra=None, expires_at=None)").replace(
        '"retry_time', '"expires_at": expires_at, "retry_time'
    )
    creators.address(creators.write("pigeon", source), user)
    assert notify(user, "Hello", "World", target="Pigeon", expires_at=MOMENT) == 1
    assert Notification.objects.get().expires_at == MOMENT


def test_an_expiry_is_refused_where_a_creator_does_not_take_it(
    creators: Creators, user: Any
) -> None:
    creators.address(creators.write("pigeon", PIGEON_CREATOR), user)
    with pytest.raises(InvalidNotification, match=r"pigeon\.py takes no expires_at"):
        notify(user, "Hello", "World", expires_at=MOMENT)


def test_a_category_goes_to_a_creator_that_takes_it(creators: Creators, user: Any) -> None:
    source = PIGEON_CREATOR.replace("extra=None)", 'extra=None, category="")').replace(
        '"retry_time', '"category": category, "retry_time'
    )
    creators.address(creators.write("pigeon", source), user)
    with known_categories(Category("news", label="Newsletter")):
        assert notify(user, "Hello", "World", target="Pigeon", category="news") == 1
    assert Notification.objects.get().category == "news"


def test_a_category_is_refused_where_a_creator_does_not_take_it(
    creators: Creators, user: Any
) -> None:
    creators.address(creators.write("pigeon", PIGEON_CREATOR), user)
    with (
        known_categories(Category("news", label="Newsletter")),
        pytest.raises(InvalidNotification, match=r"pigeon\.py takes no category"),
    ):
        notify(user, "Hello", "World", category="news")
    assert notify(user, "Hello", "World", target="Pigeon") == 1


def test_a_priority_goes_to_a_creator_that_takes_it(creators: Creators, user: Any) -> None:
    source = PIGEON_CREATOR.replace("extra=None)", "extra=None, priority=0)").replace(
        '"retry_time', '"priority": priority, "retry_time'
    )
    creators.address(creators.write("pigeon", source), user)
    assert notify(user, "Hello", "World", target="Pigeon", priority=7) == 1
    assert Notification.objects.get().priority == 7


def test_a_priority_is_refused_where_a_creator_does_not_take_it(
    creators: Creators, user: Any
) -> None:
    creators.address(creators.write("pigeon", PIGEON_CREATOR), user)
    with pytest.raises(InvalidNotification, match=r"pigeon\.py takes no priority"):
        notify(user, "Hello", "World", priority=7)
    assert notify(user, "Hello", "World") == 1


def test_a_priority_is_stored(user: Any, records: Any) -> None:
    notify(user, "Hello", "World", priority=9)
    notify(user, "Hello again", "World")
    priorities = Notification.objects.order_by("title").values_list("priority", flat=True)
    assert list(priorities) == [9] * 3 + [0] * 3


def test_an_expiry_is_stored(user: Any, records: Any) -> None:
    notify(user, "Hello", "World", expires_at=MOMENT)
    notify(user, "Hello again", "World")
    moments = Notification.objects.order_by("title").values_list("expires_at", flat=True)
    assert list(moments) == [MOMENT] * 3 + [None] * 3


def test_a_creator_with_few_parameters_gets_what_was_given(creators: Creators, user: Any) -> None:
    source = """
from ..models import Notification, TargetUserRecord
from django.utils import timezone

def create_notification(user, title, body):
    record = TargetUserRecord.objects.get(user=user)
    Notification.objects.create(target_user_record=record, title=title, body=body,
                                status="SCHEDULED", scheduled_delivery=timezone.now())
"""
    creators.address(creators.write("pigeon", source), user)
    assert notify(user, "Hello", "World") == 1


def test_a_creator_cannot_spoil_extra_for_the_next_user(creators: Creators, crowd: Crowd) -> None:
    source = PIGEON_CREATOR + "    extra['seen'] = user.pk\n    extra['list'].append(user.pk)\n"
    users = crowd(3)
    creators.address(creators.write("pigeon", source), *users)
    notify(users, "Hello", "World", target="Pigeon", extra={"list": []})
    assert list(Notification.objects.values_list("extra", flat=True)) == [{"list": []}] * 3


def test_a_projects_creator_costs_no_query_for_an_opt_out(creators: Creators, crowd: Crowd) -> None:
    source = """
from django_notification_system.utils import check_for_user_opt_out

def create_notification(user, title, body):
    check_for_user_opt_out(user)
"""
    users = crowd(10)
    creators.address(creators.write("pigeon", source), *users)
    with CaptureQueriesContext(connection) as one, pytest.raises(NotificationsNotCreated):
        notify(users[:1], "Hello", "World", target="Pigeon")
    with CaptureQueriesContext(connection) as ten, pytest.raises(NotificationsNotCreated):
        notify(users, "Hello", "World", target="Pigeon")
    assert len(ten) == len(one)
