"""``notify()`` for many users: its queries and memory, and in another database."""

import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from django_notification_system import notify
from django_notification_system.categories import Category, known_categories
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_creators import create, email
from django_notification_system.preferences import suppress
from tests.nightly import NIGHTLY
from tests.support.crowds import PIGEON_CREATOR, Crowd, crowd
from tests.support.other_database import Elsewhere, other_database

__all__ = ["crowd", "other_database"]

# Many

#: The records of a batch are locked by a query of its own where others write at the same time.
HOLDS = int(connection.vendor != "sqlite")


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
    each_batch = 3 + HOLDS  # records, insert, count
    assert two_batches - one_batch == each_batch
    assert four_batches - two_batches == 2 * each_batch
    # targets, users, the transaction's begin, end and, SQLite's, lock
    assert one_batch <= each_batch + 5


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
    each_batch += HOLDS
    assert three - one == 2 * each_batch
    # 100,000 users are 40 batches of 2,500.
    assert one + 39 * each_batch <= bound + 10


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
    monkeypatch.setattr(create, "BATCH_SIZE", 100)
    crowd(600)

    def peak(count: int) -> int:
        users = django_user_model.objects.order_by("pk")[:count]
        tracemalloc.start()
        notify(users, f"Hello {count}", "World", target="Email")
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(10)
    assert peak(600) < 3 * peak(100)


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
