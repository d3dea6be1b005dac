"""``notify()``: one call for one user or for many, in one target or in several."""

import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, Group
from django.db import connection, connections
from django.db.models import Manager
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

import django_notification_system
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
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_creators import create, email
from django_notification_system.preferences import suppress
from tests.nightly import NIGHTLY
from tests.support.other_database import Elsewhere, other_database

__all__ = ["other_database"]

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


# Nobody


def opt_out(*users: Any) -> None:
    for user in users:
        NotificationOptOut.objects.create(user=user, active=True)


def silence(*users: Any) -> None:
    TargetUserRecord.objects.filter(user__in=users).update(active=False)


def test_who_has_opted_out_or_has_no_record_is_skipped(crowd: Crowd, small_batches: int) -> None:
    users = crowd(8)
    opt_out(users[0], users[1], users[7])
    silence(users[1], users[2])
    assert notify(users, "Hello", "World") == 4
    notified = Notification.objects.values_list("target_user_record__user", flat=True)
    assert set(notified) == {user.pk for user in users[3:7]}


def test_an_inactive_opt_out_counts_for_nothing(user: Any, records: Any) -> None:
    NotificationOptOut.objects.create(user=user, active=False)
    assert notify(user, "Hello", "World") == 3


def nobody_at_all(users: list[Any]) -> list[Any]:
    return []


def all_opted_out(users: list[Any]) -> list[Any]:
    opt_out(*users)
    silence(users[0])
    return users


def none_with_a_record(users: list[Any]) -> list[Any]:
    silence(*users)
    return users


def some_of_each(users: list[Any]) -> list[Any]:
    opt_out(users[0], users[4])
    silence(*users)
    return users


def one_opted_out(users: list[Any]) -> Any:
    opt_out(users[0])
    return users[0]


def one_without_a_record(users: list[Any]) -> Any:
    silence(users[0])
    return users[0]


HOW_TO_OPT_IN = (
    "To notify again, delete the opt-out or take its tick away, in the admin under"
    " “Notification opt-outs”."
)
HOW_TO_ADD_RECORDS = (
    "Add a record, or switch one on, in the admin under “User Targets”. The command"
    " create_email_target_user_records adds a record for each user with an email address."
)


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["STOP", "opted out"])
def test_after_stop_the_error_does_not_ask_to_switch_the_record_on(
    reason: str, user: Any, records: dict[str, TargetUserRecord]
) -> None:
    TargetUserRecord.objects.filter(pk=records["Twilio"].pk).update(
        active=False, inactive_reason=reason
    )
    with pytest.raises(UserHasNoTargetRecords) as raised:
        notify(user, "Hello", "World", target="Twilio")
    assert str(raised.value) == (
        "User has no active targets: 'egg' has no active record in Twilio. The user has texted"
        " STOP. A text START switches the record on again."
    )
    records["Email"].delete()
    with pytest.raises(UserHasNoTargetRecords, match="Add a record, or switch one on"):
        notify(user, "Hello", "World", target=["Twilio", "Email"])


@pytest.mark.parametrize(
    ("arrange", "error", "message"),
    [
        (nobody_at_all, NotificationsNotCreated, "There are no users to notify."),
        (
            all_opted_out,
            UserIsOptedOut,
            f"All 5 users have opted out. {HOW_TO_OPT_IN}",
        ),
        (
            none_with_a_record,
            UserHasNoTargetRecords,
            "None of the 5 users has an active record in Twilio, Email, Expo."
            f" {HOW_TO_ADD_RECORDS}",
        ),
        (
            some_of_each,
            NotificationsNotCreated,
            "Of 5 users 2 have opted out and the others have no active record in Twilio, Email,"
            f" Expo. {HOW_TO_ADD_RECORDS}",
        ),
        (
            one_opted_out,
            UserIsOptedOut,
            f"User is opted out: 'user-0' wants no notifications. {HOW_TO_OPT_IN}",
        ),
        (
            one_without_a_record,
            UserHasNoTargetRecords,
            "User has no active targets: 'user-0' has no active record in Twilio, Email, Expo."
            f" {HOW_TO_ADD_RECORDS}",
        ),
    ],
)
def test_where_nobody_is_reached_the_error_says_why(
    arrange: Callable[[list[Any]], Any],
    error: type[Exception],
    message: str,
    crowd: Crowd,
    small_batches: int,
) -> None:
    users = arrange(crowd(5))
    with pytest.raises(error) as raised:
        notify(users, "Hello", "World")
    assert str(raised.value) == message
    assert notify(users, "Hello", "World", quiet=True) == 0
    assert notify(users, "Hello", "World", quiet=True, idempotency_key="a") == 0
    with pytest.raises(error):
        notify(users, "Hello", "World", idempotency_key="a")


def test_the_same_again_raises(crowd: Crowd, small_batches: int) -> None:
    users = crowd(5)
    assert notify(users, "Hello", "World", scheduled_delivery=MOMENT) == 5
    with pytest.raises(NotificationsNotCreated, match="exists already"):
        notify(users, "Hello", "World", scheduled_delivery=MOMENT)
    assert notify(users, "Hello", "World", scheduled_delivery=MOMENT, quiet=True) == 0
    assert Notification.objects.count() == 5


def test_only_the_new_are_created_and_counted(crowd: Crowd, small_batches: int) -> None:
    notify(crowd(4), "Hello", "World", scheduled_delivery=MOMENT)
    crowd(3)
    assert notify(crowd.user_model.objects, "Hello", "World", scheduled_delivery=MOMENT) == 3


# An idempotency key


def test_with_a_key_a_second_call_creates_nothing(user: Any, records: Any) -> None:
    assert notify(user, "Hello", "World", idempotency_key="order-1") == 3
    assert notify(user, "Hello", "World", idempotency_key="order-1") == 0
    assert Notification.objects.count() == 3
    assert set(Notification.objects.values_list("idempotency_key", flat=True)) == {"order-1"}


def test_the_key_alone_counts(user: Any, records: Any) -> None:
    notify(user, "Hello", "World", idempotency_key="order-1", target="Expo")
    assert (
        notify(
            user,
            "Another",
            "text",
            idempotency_key="order-1",
            target="Expo",
            extra={"a": 1},
            scheduled_delivery=MOMENT,
        )
        == 0
    )
    assert notify(user, "Hello", "World", idempotency_key="order-2", target="Expo") == 1
    assert notify(user, "Hello", "World", idempotency_key="Order-2", target="Expo") == 1


def test_with_a_key_the_rest_is_made_up_for(crowd: Crowd, small_batches: int) -> None:
    first = crowd(4)
    assert notify(first, "Hello", "World", idempotency_key="news") == 4
    second = crowd(4)
    assert notify([*first, *second], "Hello", "World", idempotency_key="news") == 4
    assert Notification.objects.count() == 8


def test_a_key_holds_after_delivery_and_after_a_retry(user: Any, records: Any) -> None:
    notify(user, "Hello", "World", idempotency_key="order-1")
    Notification.objects.update(
        status=Notification.RETRY, scheduled_delivery=MOMENT, attempted_delivery=MOMENT
    )
    assert notify(user, "Hello", "World", idempotency_key="order-1") == 0


# Many


def queries_for(users: Any, **arguments: Any) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        notify(users, "Hello", "World", **arguments)
    return [query["sql"] for query in queries]


def test_queries_grow_with_batches_and_not_with_users(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch, django_user_model: Any
) -> None:
    monkeypatch.setattr(create, "BATCH_SIZE", 30)  # one INSERT for SQLite, too
    crowd(30)
    one_batch = len(queries_for(django_user_model.objects.all()))
    crowd(30)
    two_batches = len(queries_for(django_user_model.objects.all()))
    crowd(60)
    four_batches = len(queries_for(django_user_model.objects.all()))
    assert two_batches - one_batch == 3  # records, insert, count
    assert four_batches - two_batches == 2 * 3
    assert one_batch <= 3 + 5  # targets, users, the transaction's begin, end and, SQLite's, lock


@pytest.mark.parametrize(
    ("category", "suppressed", "each_batch", "bound"),
    [
        ("", False, 3, 154),
        ("security", False, 3, 210),
        ("news", False, 4, 210),
        ("news", True, 5, 265),
    ],
)
def test_a_category_takes_a_query_a_batch_and_suppressions_another(
    crowd: Crowd,
    monkeypatch: pytest.MonkeyPatch,
    django_user_model: Any,
    category: str,
    suppressed: bool,
    each_batch: int,
    bound: int,
) -> None:
    monkeypatch.setattr(create, "BATCH_SIZE", 30)
    if suppressed:
        suppress("email", "nobody@example.com", reason="bounce")
    counted = []
    with known_categories(
        Category("news", label="News"), Category("security", label="Security", mandatory=True)
    ):
        for batches in (1, 3):
            crowd(30 * batches - django_user_model.objects.count())
            users = django_user_model.objects.all()
            counted.append(len(queries_for(users, category=category, target="Email")))
    one, three = counted
    assert three - one == 2 * each_batch
    # 100,000 users are 50 batches of 2,000.
    assert one + 49 * each_batch <= bound + 10


@pytest.mark.skipif(not NIGHTLY, reason="for the night: 100,000 users")
def test_100_000_users_with_a_category_and_suppressions_take_265_queries(
    crowd: Crowd, django_user_model: Any
) -> None:
    crowd(100_000)
    suppress("email", "nobody@example.com", reason="bounce")
    with known_categories(Category("news", label="News")):
        users = django_user_model.objects.all()
        queries = queries_for(users, category="news", target="Email")
    if connection.vendor == "sqlite":  # takes some hundred rows in a statement
        queries = [query for query in queries if not query.startswith("INSERT")]
    assert len(queries) <= 265
    assert Notification.objects.count() == 100_000


def test_a_large_body_is_inserted_in_statements_that_servers_take(crowd: Crowd) -> None:
    """MariaDB refuses a statement of more than 16 MiB by default."""
    users = crowd(12)
    body = "lorem ipsum " * 200_000  # 2.4 MB
    assert notify(users, "Hello", body) == 12
    assert set(Notification.objects.values_list("body", flat=True)) == {body}


def test_memory_stays_flat(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch, django_user_model: Any
) -> None:
    """Of six batches, the peak is that of one and not six times as much."""
    monkeypatch.setattr(create, "BATCH_SIZE", 200)
    crowd(1200)

    def peak(count: int) -> int:
        users = django_user_model.objects.order_by("pk")[:count]
        tracemalloc.start()
        notify(users, f"Hello {count}", "World", target="Email")
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(10)
    assert peak(1200) < 3 * peak(200)


# A project's own creators


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


# Another database


@pytest.fixture
def crowd_elsewhere(
    other_database: None,
    django_db_setup: None,
    django_db_blocker: Any,
    settings: Any,
) -> Iterator[list[Any]]:
    """Twenty users and their addresses in the database that the router writes to."""
    settings.DATABASE_ROUTERS = [Elsewhere()]
    with django_db_blocker.unblock():
        yield make_crowd_elsewhere()
        get_user_model().objects.using("elsewhere").all().delete()


def make_crowd_elsewhere() -> list[Any]:
    rows = get_user_model().objects.using("elsewhere")
    rows.bulk_create(get_user_model()(username=f"user-{number}") for number in range(20))
    target = NotificationTarget.objects.using("elsewhere").get(name="Email")
    TargetUserRecord.objects.using("elsewhere").bulk_create(
        TargetUserRecord(
            user=user, target=target, target_user_id=f"{user}@example.com", description="-"
        )
        for user in rows.all()
    )
    return list(rows.order_by("pk"))


def test_notifications_go_where_the_router_says(crowd_elsewhere: list[Any]) -> None:
    users = get_user_model().objects.using("elsewhere")
    assert notify(users, "Hello", "World") == 20
    assert notify(crowd_elsewhere[0], "Hello", "again") == 1
    email.create_notification(crowd_elsewhere[0], "Hello", "from its creator")
    assert Notification.objects.using("elsewhere").count() == 22
    assert Notification.objects.using("default").count() == 0


def test_a_projects_creator_is_given_users_from_there(
    crowd_elsewhere: list[Any], settings: Any, tmp_path: Path
) -> None:
    source = PIGEON_CREATOR.replace(".objects", '.objects.using("elsewhere")')
    (tmp_path / "email.py").write_text(source)
    settings.NOTIFICATION_SYSTEM_CREATORS = [str(tmp_path)]
    assert notify(crowd_elsewhere[:3], "Hello", "World") == 3
    assert Notification.objects.using("elsewhere").filter(title__startswith="From").count() == 3


@pytest.mark.parametrize("attempt", range(3))
def test_calls_at_once_create_one_between_them(
    attempt: int,
    crowd_elsewhere: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(create, "BATCH_SIZE", 3)
    start = threading.Barrier(3)
    inserted: list[int] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            start.wait()
            users = get_user_model().objects.using("elsewhere").order_by("pk")
            inserted.append(notify(users, "Hello", "World", idempotency_key="news"))
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sum(inserted) == Notification.objects.using("elsewhere").count() == 20
