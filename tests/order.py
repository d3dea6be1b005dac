"""The order of the tests, where several processes share them: the longest files first.

A process gets whole files, so that what a file sets up for its tests is set up once. A process that
waits for a program uses no processor, so that there are more processes than processors. Begun last,
a long file would keep one process busy while the others have nothing left.

A flush takes the rows of the migrations, such as the targets, out of the database. Django leaves
the tests that flush for the end; with whole files there is no such end, so the rows are put back.
A flush empties the tables that have rows, and leaves the content types and permissions of the
migrations where a test has not touched them: to write each anew takes longer than many a test.
"""

from collections import defaultdict
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.core.management.color import no_style
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.creation import BaseDatabaseCreation
from django.db.models import Model
from django.test import TransactionTestCase

from django_notification_system.migrations._targets import TARGETS
from django_notification_system.models import NotificationTarget
from tests.support.places import TESTS

#: By seconds on a quiet machine; all other files take less than some ten. A file that is missing
#: here costs some seconds at the end, and nothing else.
LONGEST_FIRST = (
    "docs/test_typed",
    "engine/test_chaos",
    "admin/test_accessibility",
    "contrib/test_celery",
    "contrib/test_inbox_live",
    "docs/test_search",
    "docs/test_screenshots",
    "engine/test_projects",
    "handlers/email/test_outcomes",
    "admin/test_browser",
    "engine/test_concurrency",
    "handlers/test_replies",
    "docs/test_demo",
    "contrib/test_tasks_workers",
    "docs/test_carrier_pigeon",
    "docs/test_readme",
    "contrib/test_inbox_in_browser",
    "testing/test_contract",
    "engine/test_lost_output",
    "engine/test_server_restart",
    "engine/test_workers",
    "admin/test_add",
    "handlers/test_provider_requests",
    "handlers/expo/test_receipts",
    "contrib/test_webpush_in_browser",
    "handlers/twilio/test_outcomes",
    "docs/test_examples",
    "upgrade/test_upgrade_from_1_5_3",
    "handlers/expo/test_outcomes",
    "contrib/test_tasks",
    "repository/test_wheel",
    "operations/test_process_notifications_output",
    "testing/test_outbox_projects",
    "unit/test_migrations_interrupted",
    "engine/test_endurance",
    "contrib/test_webpush",
    "engine/test_backlog",
    "docs/test_testing",
    "unit/test_checks_odd_settings",
    "handlers/apprise/test_outcomes",
    "handlers/email/test_contract",
    "handlers/fcm/test_outcomes",
    "admin/test_preferences_in_browser",
    "admin/test_selection",
    "handlers/expo/test_contract",
    "engine/test_stopping",
    "handlers/email/test_outcomes_tls",
    "engine/test_interruptions",
    "creators/test_create_email_target_user_records_elsewhere",
)
#: They refer to no table but each other's, so that all other tables can be emptied without theirs.
LEFT_AS_THEY_ARE: tuple[type[Model], ...] = (ContentType, Permission)
#: PostgreSQL keeps the pages of deleted rows, and plans by pages: from this size on, and with
#: statistics, all tables are made anew, which takes longer than to delete a test's few rows.
LARGE_IN_BYTES = 65_536
_write_all = BaseDatabaseCreation.deserialize_db_from_string


def pytest_configure() -> None:
    """Leave the rows of the migrations in each flush, and write those alone that differ."""
    TransactionTestCase._fixture_teardown = _flush_and_put_back  # type: ignore[method-assign]
    BaseDatabaseCreation.deserialize_db_from_string = _write_what_differs  # type: ignore[method-assign]


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
    for alias in case._databases_names(include_mirrors=False):
        connection = connections[alias]
        contents: str = connection._test_serialized_contents
        left = {model for model in LEFT_AS_THEY_ARE if not _differing(alias, contents, model)}
        # A permission belongs to a content type.
        left_tables = {model._meta.db_table for model in left} if Permission in left else set()
        tables = connection.introspection.django_table_names(
            only_existing=True, include_views=False
        )
        _empty(connection, sorted(set(tables) - left_tables))
        connection.creation.deserialize_db_from_string(contents)


def _empty(connection: BaseDatabaseWrapper, tables: list[str]) -> None:
    """Delete all rows of the tables."""
    filled = _filled(connection, tables)
    if connection.vendor != "postgresql":
        statements = connection.ops.sql_flush(no_style(), filled)
    elif _is_left_over(connection, tables):
        statements = connection.ops.sql_flush(no_style(), tables)
    else:
        statements = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in filled]
    connection.ops.execute_sql_flush(statements)


def _filled(connection: BaseDatabaseWrapper, tables: list[str]) -> list[str]:
    """Return those of the tables that have rows."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quote(table)})" for table in tables
            )
        )
        return [table for (table,) in cursor.fetchall()]


def _is_left_over(connection: BaseDatabaseWrapper, tables: list[str]) -> bool:
    """Tell whether PostgreSQL would keep many pages of the tables, or statistics."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_class WHERE oid = ANY(%s::regclass[])"
            " AND (pg_relation_size(oid) > %s OR reltuples >= 0)",
            [[connection.ops.quote_name(table) for table in tables], LARGE_IN_BYTES],
        )
        return cursor.fetchone() is not None


def _write_what_differs(creation: BaseDatabaseCreation, contents: str) -> None:
    """Write the rows of the migrations that a database has not, or has with other values."""
    alias = creation.connection.alias
    differing = [
        row for model in _rows_of(contents, alias) for row in _differing(alias, contents, model)
    ]
    if differing:
        _write_all(creation, serializers.serialize("json", differing))


def _differing(alias: str, contents: str, model: type[Model]) -> list[Model]:
    """Return the rows of a model that the database has not as the migrations left them.

    Args:
        alias: The database's alias.
        contents: The rows of the migrations, as Django keeps them.
        model: The model. A row too many makes all rows differ.
    """
    fields = [field.attname for field in model._meta.concrete_fields]
    there = set(model._base_manager.using(alias).values_list(*fields))
    rows = _rows_of(contents, alias)[model]
    missing = [row for row in rows if tuple(getattr(row, field) for field in fields) not in there]
    return rows if len(there) > len(rows) else missing


@cache
def _rows_of(contents: str, alias: str) -> dict[type[Model], list[Model]]:
    """Return the rows of the migrations by model.

    The targets get moments of their own: JSON has no microseconds, and their order would change.
    """
    places = {name: place for place, (name, _) in enumerate(TARGETS)}
    rows: dict[type[Model], list[Model]] = defaultdict(list)
    for each in serializers.deserialize("json", contents, using=alias):
        row = each.object
        if isinstance(row, NotificationTarget) and row.name in places:
            row.created_date += timedelta(milliseconds=places[row.name])
        rows[type(row)].append(row)
    return rows
