"""The order of the tests, where several processes share them: the longest files first.

A process gets whole files, so that what a file sets up for its tests is set up once. A process that
waits for a program uses no processor, so that there are more processes than processors. Begun last,
a long file would keep one process busy while the others have nothing left.

A flush takes the rows of the migrations, such as the targets, out of the database. Django leaves
the tests that flush for the end; with whole files there is no such end, so the rows are put back.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models import F
from django.test import TransactionTestCase

from django_notification_system.migrations._targets import TARGETS
from django_notification_system.models import NotificationTarget
from tests.support.places import TESTS

#: By seconds on a quiet machine; all other files take less than some eight. A file that is missing
#: here costs some seconds at the end, and nothing else.
LONGEST_FIRST = (
    "engine/test_chaos",
    "docs/test_typed",
    "engine/test_workers",
    "engine/test_projects",
    "docs/test_search",
    "upgrade/test_upgrade_from_1_5_3",
    "contrib/test_tasks_workers",
    "contrib/test_celery",
    "unit/test_migrations",
    "docs/test_demo",
    "docs/test_examples",
    "testing/test_outbox_projects",
    "admin/test_accessibility",
    "engine/test_endurance",
    "handlers/expo/test_receipts",
    "testing/test_stand_ins",
    "repository/test_wheel",
    "creators/test_create_email_target_user_records_elsewhere",
)
_flush = TransactionTestCase._fixture_teardown


def pytest_configure() -> None:
    """Put back the rows of the migrations after each flush."""
    TransactionTestCase._fixture_teardown = _flush_and_put_back  # type: ignore[method-assign]


@pytest.hookimpl(trylast=True)  # after pytest-django's own order
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest files, where processes share the tests."""
    if hasattr(config, "workerinput"):
        items.sort(key=place_of)


def place_of(item: pytest.Item) -> int:
    """Return a test's place by the file."""
    file = item.path.relative_to(TESTS).with_suffix("").as_posix()
    return LONGEST_FIRST.index(file) if file in LONGEST_FIRST else len(LONGEST_FIRST)


def _flush_and_put_back(case: Any) -> None:
    case.serialized_rollback = True  # the rows come from here, and not from the signal post_migrate
    _flush(case)
    for alias in case._databases_names(include_mirrors=False):
        connection = connections[alias]
        connection.creation.deserialize_db_from_string(connection._test_serialized_contents)
        _keep_targets_apart(alias)


def _keep_targets_apart(alias: str) -> None:
    """Give the targets moments of their own: JSON has no microseconds, and the order would change.

    Args:
        alias: The database's alias.
    """
    rows = NotificationTarget.objects.using(alias)
    for place, (name, _) in enumerate(TARGETS):
        later = F("created_date") + timedelta(milliseconds=place)
        rows.filter(name=name).update(created_date=later)
