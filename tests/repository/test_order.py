"""The order of the tests: long files first, and a flush that takes no rows of the migrations."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django.test import TransactionTestCase

from django_notification_system.models import NotificationTarget
from tests.order import LONGEST_FIRST, place_of, pytest_collection_modifyitems
from tests.support.places import TESTS
from tests.support.runs import in_real_transactions


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
