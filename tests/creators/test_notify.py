"""``notify()``: one call for one user or for many, in one target or in several."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, Group
from django.db.models import Manager
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

import django_notification_system
from django_notification_system import notify
from django_notification_system.exceptions import (
    InvalidNotification,
)
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from tests.support.crowds import MOMENT, Crowd, crowd, small_batches

__all__ = ["crowd", "small_batches"]


def targets_reached() -> list[str]:
    return sorted(Notification.objects.values_list("target_user_record__target__name", flat=True))


# Whom


def test_is_importable_from_the_package() -> None:
    from django_notification_system.notification_creators.notify import notify as original

    assert django_notification_system.notify is original


def test_one_user_is_notified_in_every_target(user: Any, records: Any) -> None:
    before = timezone.now()
    assert notify(user, "Hello", "World") == 3
    assert targets_reached() == ["Email", "Expo", "Twilio"]
    assert set(Notification.objects.values_list("title", "body", "status", "max_retries")) == {
        ("Hello", "World", "SCHEDULED", 7)
    }
    moments = set(Notification.objects.values_list("scheduled_delivery", flat=True))
    assert len(moments) == 1
    assert before <= moments.pop() <= timezone.now()


def test_the_user_of_a_request_is_notified(user: Any, records: Any) -> None:
    assert notify(SimpleLazyObject(lambda: user), "Hello", "World") == 3


def as_list(users: list[Any], model: Any) -> Any:
    return users


def as_generator(users: list[Any], model: Any) -> Any:
    return (user for user in users)


def as_set(users: list[Any], model: Any) -> Any:
    return set(users)


def as_queryset(users: list[Any], model: Any) -> Any:
    return model.objects.filter(pk__in=[user.pk for user in users])


def as_sliced_queryset(users: list[Any], model: Any) -> Any:
    return as_queryset(users, model).order_by("username")[: len(users)]


def as_distinct_queryset(users: list[Any], model: Any) -> Any:
    return as_queryset(users, model).distinct().order_by("username")


def as_repeating_queryset(users: list[Any], model: Any) -> Any:
    """Each user comes up once for each of their groups."""
    groups = [Group.objects.create(name=f"group-{number}") for number in range(3)]
    for user in users:
        user.groups.set(groups)
    return as_queryset(users, model).filter(groups__name__startswith="group").order_by("groups")


def as_union(users: list[Any], model: Any) -> Any:
    return as_queryset(users[:4], model).union(as_queryset(users[3:], model))


def as_prefetching_queryset(users: list[Any], model: Any) -> Any:
    return (
        as_queryset(users, model).prefetch_related("groups").select_related("notification_opt_out")
    )


def as_values(users: list[Any], model: Any) -> Any:
    return as_queryset(users, model).values("username")


def as_manager(users: list[Any], model: Any) -> Any:
    return model.objects


def as_related_manager(users: list[Any], model: Any) -> Any:
    group = Group.objects.create(name="all of them")
    group.user_set.set(users)
    return group.user_set


@pytest.mark.parametrize(
    "form",
    [
        as_list,
        as_generator,
        as_set,
        as_queryset,
        as_sliced_queryset,
        as_distinct_queryset,
        as_repeating_queryset,
        as_union,
        as_prefetching_queryset,
        as_values,
        as_manager,
        as_related_manager,
    ],
)
def test_users_come_in_any_form(
    form: Callable[[list[Any], Any], Any],
    crowd: Crowd,
    small_batches: int,
    django_user_model: Any,
) -> None:
    users = crowd(7)
    assert notify(form(users, django_user_model), "Hello", "World") == 7
    notified = Notification.objects.values_list("target_user_record__user", flat=True)
    assert sorted(notified) == sorted(user.pk for user in users)


def test_a_slice_notifies_nobody_else(
    crowd: Crowd, small_batches: int, django_user_model: Any
) -> None:
    crowd(9)
    assert notify(django_user_model.objects.order_by("pk")[2:7], "Hello", "World") == 5


def test_a_user_who_comes_twice_is_notified_once(crowd: Crowd, small_batches: int) -> None:
    users = crowd(5)
    assert notify([*users, *users, users[0], users[0]], "Hello", "World") == 5


@pytest.mark.parametrize(
    ("users", "message"),
    [
        ("egg", "found str instead"),
        (1, "found int instead"),
        (None, "found NoneType instead"),
        ([1], "found int instead"),
        (["egg"], "found str instead"),
        (AnonymousUser(), "found AnonymousUser instead"),
        (None, "None is nobody to notify: leave it out"),
        ([None], "None is nobody to notify: leave it out"),
        (AnonymousUser(), "Nobody is logged in: ask request.user.is_authenticated first"),
    ],
)
def test_what_is_no_user_is_refused(users: Any, message: str, db: None) -> None:
    with pytest.raises(InvalidNotification, match=message):
        notify(users, "Hello", "World", quiet=True)


def test_none_and_texts_are_refused_by_types() -> None:
    accepted = get_args(get_type_hints(notify)["users"])
    assert [get_origin(kind) or kind for kind in accepted] == [AbstractBaseUser, Iterable, Manager]


def test_an_unsaved_user_is_refused(db: None, django_user_model: Any) -> None:
    with pytest.raises(InvalidNotification, match="unsaved user egg"):
        notify(django_user_model(username="egg"), "Hello", "World")


def test_a_queryset_of_something_else_is_refused(records: Any) -> None:
    with pytest.raises(InvalidNotification, match="queryset of TargetUserRecord"):
        notify(TargetUserRecord.objects.all(), "Hello", "World")


# Where


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        ("Email", ["Email"]),
        ("email", ["Email"]),
        ("EMAIL", ["Email"]),
        (["Email", "Expo"], ["Email", "Expo"]),
        (("Email", "Email"), ["Email"]),
        ({"Twilio"}, ["Twilio"]),
    ],
)
def test_a_target_is_chosen_by_name(
    target: Any, reached: list[str], user: Any, records: Any
) -> None:
    assert notify(user, "Hello", "World", target=target) == len(reached)
    assert targets_reached() == reached


def test_a_target_is_chosen_by_instance(user: Any, records: dict[str, TargetUserRecord]) -> None:
    assert notify(user, "Hello", "World", target=records["Expo"].target) == 1
    targets = NotificationTarget.objects.exclude(name="Expo")
    assert notify(user, "Hello", "World", target=targets) == 2


def test_a_name_is_meant_rather_than_a_module(user: Any, records: Any) -> None:
    """Two targets may share a module."""
    marketing = NotificationTarget.objects.create(
        name="Marketing", notification_module_name="email"
    )
    TargetUserRecord.objects.create(
        user=user, target=marketing, target_user_id="eggs@example.com", description="-"
    )
    assert notify(user, "Hello", "World", target="Email") == 1
    assert notify(user, "Hello", "World", target="Marketing") == 1
    assert targets_reached() == ["Email", "Marketing"]


def test_an_unknown_target_is_refused_with_those_there_are(user: Any, records: Any) -> None:
    with pytest.raises(InvalidNotification) as raised:
        notify(user, "Hello", "World", target=["Email", "Fax"], quiet=True)
    assert str(raised.value) == (
        "There is no target 'Fax'. The targets are: 'Twilio', 'Email', 'Expo'."
    )
    with pytest.raises(InvalidNotification, match="no target '3'"):
        notify(user, "Hello", "World", target=3)  # type: ignore[arg-type] # what is tested


def test_no_target_at_all_is_refused(user: Any, records: Any) -> None:
    with pytest.raises(InvalidNotification, match="target is empty"):
        notify(user, "Hello", "World", target=[])


def test_what_is_made_without_an_interval_follows_the_projects_policy(
    user: Any, records: Any, settings: Any
) -> None:
    pigeon = NotificationTarget.objects.create(name="Pigeon", notification_module_name="pigeon")
    TargetUserRecord.objects.create(
        user=user, target=pigeon, target_user_id="loft", description="-"
    )
    notify(user, "Hello", "World")
    rows = Notification.objects.values_list(
        "follows_retry_policy", "retry_time_interval", "max_retries"
    )
    assert set(rows) == {(True, 1, 7)}
    assert rows.count() == 4
    Notification.objects.all().delete()
    settings.NOTIFICATION_SYSTEM = {"RETRY": {"first_interval": 2.5, "attempts": 4}}
    notify(user, "Hello", "World")
    assert set(rows.all()) == {(True, 3, 4)}
    Notification.objects.all().delete()
    notify(user, "Hello", "World", max_retries=9)
    assert set(rows.all()) == {(True, 3, 9)}
    Notification.objects.all().delete()
    notify(user, "Hello", "World", retry_time_interval=0)
    assert set(rows.all()) == {(False, 0, 4)}


# What


def test_everything_given_is_stored(user: Any, records: Any) -> None:
    extra = {"badge": 1}
    notify(user, "Hello", "World", target="Expo", scheduled_delivery=MOMENT, extra=extra)
    notification = Notification.objects.get()
    assert notification.scheduled_delivery == MOMENT
    assert notification.extra == extra
    assert notification.idempotency_key is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"title": "a\nb"}, "title has a line break"),
        ({"title": "a" * 101}, "title has 101 characters"),
        ({"body": "\x00"}, "body has a NUL"),
        ({"scheduled_delivery": datetime(2030, 1, 1)}, "make_aware"),  # noqa: DTZ001
        ({"expires_at": datetime(2030, 1, 1)}, "expires_at has no time zone"),  # noqa: DTZ001
        ({"expires_at": "tomorrow"}, "expires_at must be a datetime"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "could never be sent"),
        ({"expires_at": MOMENT, "scheduled_delivery": MOMENT}, "could never be sent"),
        ({"priority": 10}, "priority is 10; it must be between 0 and 9"),
        ({"priority": -1}, "priority is -1"),
        ({"priority": "high"}, "priority must be an int, not str"),
        ({"extra": []}, "extra must be a dict"),
        ({"extra": {"a": object()}}, 'extra\\["a"\\] is a object'),
        ({"retry_time_interval": -1}, "retry_time_interval is -1"),
        ({"max_retries": "3"}, "max_retries must be an int"),
        ({"idempotency_key": ""}, "idempotency_key is empty"),
        ({"idempotency_key": "ä" * 201}, "idempotency_key has 201 characters"),
        ({"idempotency_key": 7}, "idempotency_key must be a str, not int"),
        ({"idempotency_key": "\x00"}, "idempotency_key has a NUL"),
    ],
)
def test_what_could_not_be_stored_is_refused(
    arguments: dict[str, Any], message: str, user: Any, records: Any
) -> None:
    with pytest.raises(InvalidNotification, match=message):
        notify(user, **{"title": "Hello", "body": "World", **arguments}, quiet=True)
    assert not Notification.objects.exists()


def test_only_an_email_needs_a_body(user: Any, records: dict[str, TargetUserRecord]) -> None:
    assert notify(user, "Hello", target=["Expo", "Twilio"]) == 2
    with pytest.raises(InvalidNotification, match="An email needs a body"):
        notify(user, "Hello", target="Email")
    with pytest.raises(InvalidNotification, match="An email needs a body"):
        notify(user, "Hello")
    TargetUserRecord.objects.filter(pk=records["Email"].pk).update(active=False)
    assert notify(user, "Hello") == 2


def test_a_refusal_in_a_later_batch_takes_all_back(
    crowd: Crowd, small_batches: int, django_user_model: Any
) -> None:
    """Only the last user has an email address, so only then is the body missed."""
    crowd(4, "Expo")
    crowd(1, "Email")
    with pytest.raises(InvalidNotification, match="An email needs a body"):
        notify(django_user_model.objects.order_by("pk"), "Hello")
    assert not Notification.objects.exists()


def test_an_error_among_the_users_takes_all_back(crowd: Crowd, small_batches: int) -> None:
    users = crowd(5)

    def interrupted() -> Iterator[Any]:
        yield from users
        raise RuntimeError("the network went away")

    with pytest.raises(RuntimeError, match="network"):
        notify(interrupted(), "Hello", "World")
    assert not Notification.objects.exists()


def test_the_user_themself_in_extra_is_left_out(user: Any, records: Any) -> None:
    notify(user, "Hello", "World", extra={"user": user, "a": 1})
    assert all(extra == {"a": 1} for extra in Notification.objects.values_list("extra", flat=True))
    with pytest.raises(InvalidNotification, match='extra\\["user"\\] is a User'):
        notify([user], "Hello", "World", extra={"user": user})
