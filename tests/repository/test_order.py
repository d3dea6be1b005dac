"""The order of the tests: long files first, and a flush that takes no rows of the migrations."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import TransactionTestCase

from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from tests.order import LARGE_IN_BYTES, LONGEST_FIRST, place_of, pytest_collection_modifyitems
from tests.support.places import TESTS
from tests.support.runs import in_real_transactions, make_many


def test_what_is_listed_is_there() -> None:
    assert {name for name in LONGEST_FIRST if not Path(TESTS / f"{name}.py").exists()} == set()


def items() -> list[Any]:
    files = ("unit/test_models", f"{LONGEST_FIRST[1]}", "unit/test_log", f"{LONGEST_FIRST[0]}")
    return [SimpleNamespace(path=TESTS / f"{file}.py") for file in files]


def test_processes_that_share_the_tests_begin_with_the_longest() -> None:
    shared = items()
    pytest_collection_modifyitems(SimpleNamespace(workerinput={}), shared)  # type: ignore[arg-type]
    assert [item.path.stem for item in shared] == [
        *(name.split("/")[1] for name in LONGEST_FIRST[:2]),
        "test_models",
        "test_log",
    ]
    assert place_of(shared[-1]) == len(LONGEST_FIRST)


def test_a_process_alone_keeps_djangos_order() -> None:
    alone = items()
    pytest_collection_modifyitems(SimpleNamespace(), alone)  # type: ignore[arg-type]
    assert alone == items()


class Flushing(TransactionTestCase):
    """A case whose end flushes the database."""


@in_real_transactions
def test_a_flush_leaves_the_rows_of_the_migrations(django_user_model: Any) -> None:
    before = set(NotificationTarget.objects.values_list("pk", "name"))
    assert {"Email", "Expo", "Twilio"} <= {name for _, name in before}
    django_user_model.objects.create_user(username="egg")
    Flushing()._fixture_teardown()
    rows = NotificationTarget.objects.order_by("created_date", "name").values_list("pk", "name")
    assert set(rows) == before
    assert [name for _, name in rows][:3] == ["Twilio", "Email", "Expo"]
    assert not django_user_model.objects.exists()


def rows_of_the_migrations() -> dict[str, set[tuple[Any, ...]]]:
    return {
        model.__name__: set(model.objects.values_list())
        for model in (ContentType, Permission, NotificationTarget)
    }


@in_real_transactions
def test_a_flush_undoes_what_a_test_does_to_the_rows_of_the_migrations() -> None:
    before = rows_of_the_migrations()
    first, second, *_ = Permission.objects.all()
    Permission.objects.filter(pk=first.pk).update(name="Can do anything")
    second.delete()
    ContentType.objects.create(app_label="kitchen", model="egg")
    NotificationTarget.objects.filter(name="Email").delete()
    Flushing()._fixture_teardown()
    assert rows_of_the_migrations() == before


@in_real_transactions
def test_a_flush_empties_every_other_table(email: TargetUserRecord) -> None:
    make_many(email, 500)
    if connection.vendor == "postgresql":
        assert bytes_of_notifications() > LARGE_IN_BYTES
    Flushing()._fixture_teardown()
    filled = {
        model.__name__
        for model in apps.get_models(include_auto_created=True)
        if model._base_manager.exists()
    }
    assert filled == {"ContentType", "Permission", "NotificationTarget"}
    if connection.vendor == "postgresql":
        assert bytes_of_notifications() == 0  # else its dead rows would count in plans


@pytest.mark.skipif(connection.vendor != "postgresql", reason="keeps the pages of deleted rows")
@in_real_transactions
def test_a_flush_makes_a_large_table_anew_whose_rows_a_test_has_deleted(
    email: TargetUserRecord,
) -> None:
    make_many(email, 500)
    Notification.objects.all().delete()
    assert bytes_of_notifications() > LARGE_IN_BYTES
    Flushing()._fixture_teardown()
    assert bytes_of_notifications() == 0


def bytes_of_notifications() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('notification_system_notification')")
        size: int = cursor.fetchone()[0]
        return size
