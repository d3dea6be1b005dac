"""Transactions that the database rolls back in favor of another are tried again."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from django_notification_system.database import DEADLOCK_ATTEMPTS, despite_deadlocks
from django_notification_system.models import NotificationTarget
from tests.settings import TEST_DATABASE
from tests.support.runs import in_real_transactions

#: What lets a transaction see the table as it was at the first read.
AS_AT_FIRST = {
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "mariadb": "SET SESSION innodb_snapshot_isolation = ON,"
    " SESSION tx_isolation = 'REPEATABLE-READ'",
}

pytestmark = [
    in_real_transactions,
    pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="SQLite has one writer at a time"),
]


def elsewhere(act: Callable[[], Any]) -> None:
    def work() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


class Renaming:
    """Renames a target in a transaction; before the first write, somebody else does."""

    def __init__(self, disturbed: int) -> None:
        self.disturbed = disturbed
        self.tries = 0

    def __call__(self) -> None:
        self.tries += 1
        rows = NotificationTarget.objects.filter(notification_module_name="email")
        with transaction.atomic():
            name = rows.get().name
            if self.tries <= self.disturbed:
                elsewhere(lambda: rows.all().update(name=f"Other {self.tries}"))
            rows.update(name=f"{name}, mine")


@pytest.fixture(autouse=True)
def snapshots() -> Any:
    if TEST_DATABASE == "mariadb":
        with connection.cursor() as cursor:
            cursor.execute("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'")
            if cursor.fetchone() is None:
                pytest.skip("This server knows no such conflicts.")
    with connection.cursor() as cursor:
        cursor.execute(AS_AT_FIRST[TEST_DATABASE])
    yield
    connection.close()


def test_transaction_is_tried_again_and_sees_the_other() -> None:
    renaming = Renaming(disturbed=2)
    despite_deadlocks(renaming, attempts=DEADLOCK_ATTEMPTS, using="default")
    assert renaming.tries == 3
    assert NotificationTarget.objects.get(notification_module_name="email").name == "Other 2, mine"


def test_last_try_ends_in_the_databases_error() -> None:
    renaming = Renaming(disturbed=9)
    with pytest.raises(OperationalError):
        despite_deadlocks(renaming, attempts=2, using="default")
    assert renaming.tries == 2


def test_caller_who_began_the_transaction_has_to_begin_again() -> None:
    renaming = Renaming(disturbed=9)
    with pytest.raises(OperationalError), transaction.atomic():
        despite_deadlocks(renaming, attempts=5, using="default")
    assert renaming.tries == 1
