"""The migrations of a new database, of development versions, and beside PostgreSQL's writers."""

import io
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from django_notification_system.migrations._targets import create_targets
from django_notification_system.models import Notification, NotificationTarget
from tests.settings import TEST_DATABASE
from tests.support.definitions import definitions
from tests.support.migrating import (
    ALIAS,
    APP,
    SQUASHED,
    STEPS,
    TABLES,
    all_migrations,
    applied,
    assert_large_extra_can_be_stored,
    assert_row_is_usable,
    clear,
    database,
    has_step_by_step_path,
    insert_notification,
    insert_record,
    make_record,
    migrate,
    migrate_step_by_step,
    rows,
    schema,
    scratch,
)

__all__ = ["database", "scratch"]

#: What makes something new, or looks; removing what is not there removes nothing. A new table gets
#: its references afterwards, its columns at once.
MAKES = re.compile(
    r"\s*(BEGIN|CREATE|INSERT|SELECT|PRAGMA|SET|SAVEPOINT|RELEASE|DROP TRIGGER IF EXISTS"
    r"|ALTER TABLE \S+ ADD CONSTRAINT)\b",
    re.IGNORECASE,
)

#: The squashed migration of development versions of 2.0, which is on no disk any more.
FORMERLY_SQUASHED = "0001_squashed_0028_keys_in_order_of_time"
LAST_SQUASHED = SQUASHED[1].removeprefix("0001_squashed_")

on_postgresql = pytest.mark.skipif(
    TEST_DATABASE != "postgresql", reason="only PostgreSQL builds indexes beside its writers"
)


@pytest.mark.django_db
def test_models_have_no_change_without_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True)


def test_new_database_gets_the_squashed_migration_and_the_later_ones(
    database: BaseDatabaseWrapper,
) -> None:
    loader = MigrationLoader(database)
    squashed = {name for app, name in loader.graph.nodes[SQUASHED].replaces if app == APP}
    later = all_migrations(database) - squashed - {SQUASHED[1]}
    nodes = {name for app, name in loader.graph.nodes if app == APP}
    assert nodes == {SQUASHED[1], *later}
    assert all(name > max(squashed) for name in later)
    migrate()
    assert applied(database) == all_migrations(database)


def test_new_database_makes_nothing_that_is_removed_or_changed_again(
    database: BaseDatabaseWrapper,
) -> None:
    """Judged by the statements of all migrations, so also by those of functions and of raw SQL."""
    changed: list[str] = []

    def watch(execute: Any, sql: str, *arguments: Any) -> Any:
        if not MAKES.match(sql):
            changed.append(sql)
        return execute(sql, *arguments)

    with database.execute_wrapper(watch):
        migrate()
    assert "\n".join(changed) == ""


def test_keys_in_order_of_time_ask_nothing_of_the_database(database: BaseDatabaseWrapper) -> None:
    """So the migration is safe beside writers, however large the tables are."""
    executor = MigrationExecutor(database)
    executor.loader = MigrationLoader(database, replace_migrations=False)
    node = executor.loader.graph.nodes[APP, "0028_keys_in_order_of_time"]
    assert not [sql for sql in executor.loader.collect_sql([(node, False)]) if sql[:2] != "--"]


def make_as_in_development(connection: BaseDatabaseWrapper, last: str) -> None:
    """Make the tables as the squashed migration of an earlier development version did.

    No database is asked for the constraint of 0001 that MariaDB cannot make.
    """
    executor = MigrationExecutor(connection)
    executor.loader = MigrationLoader(connection, replace_migrations=False)
    state = executor.loader.project_state((APP, last))
    with connection.schema_editor() as editor:
        for model in state.apps.get_app_config(APP).get_models():
            if not model._meta.proxy:
                editor.create_model(model)
        create_targets(state.apps, editor)
    for name in sorted(all_migrations(connection)):
        if name <= last and name != SQUASHED[1]:
            executor.recorder.record_applied(APP, name)


def test_each_step_since_development_gives_the_same_definitions(
    database: BaseDatabaseWrapper,
) -> None:
    """Also on MariaDB, where projects on 2.0's development versions began with a squashed one."""
    make_as_in_development(database, STEPS[-1])
    migrate_step_by_step(database)
    stepwise = definitions(database, TABLES)
    clear(database)
    migrate()
    assert definitions(database, TABLES) == stepwise
    words = " ".join(stepwise)
    if database.vendor == "postgresql":
        assert "CREATE TRIGGER" in words
        assert " DESC" in words
    if database.vendor != "mysql":
        assert " WHERE " in words  # MariaDB has no partial indexes


@pytest.mark.parametrize("last", ["0028_keys_in_order_of_time", "0031_category", LAST_SQUASHED])
def test_database_of_a_development_version_goes_on_by_the_steps(
    database: BaseDatabaseWrapper, last: str
) -> None:
    """The squashed migration that such a database has applied is on no disk any more."""
    make_as_in_development(database, last)
    MigrationRecorder(database).record_applied(APP, FORMERLY_SQUASHED)
    key = insert_notification(database, insert_record(database))

    migrate()

    assert Notification.objects.using(ALIAS).get().pk == key
    assert applied(database) == all_migrations(database) | {FORMERLY_SQUASHED}
    call_command("migrate", APP, check_unapplied=True, database=ALIAS, verbosity=0)
    call_command("showmigrations", APP, database=ALIAS, stdout=io.StringIO())
    call_command("migrate", APP, prune=True, database=ALIAS, verbosity=0)
    assert applied(database) == all_migrations(database)


def test_targets_are_made_once_and_in_order(database: BaseDatabaseWrapper) -> None:
    migrate()
    migrate()
    targets = NotificationTarget.objects.using(ALIAS).order_by("created_date")
    assert list(targets.values_list("name", "notification_module_name")) == [
        ("Twilio", "twilio"),
        ("Email", "email"),
        ("Expo", "expo"),
    ]


@has_step_by_step_path
def test_migrations_of_release_1_5_3_can_be_taken_back_to_nothing(
    database: BaseDatabaseWrapper,
) -> None:
    """Those after them are taken back in ``test_migrations_stepwise``."""
    migrate_step_by_step(database, STEPS[1])
    migrate("zero")
    assert schema(database) == {}
    assert applied(database) == set()
    migrate()
    assert applied(database) == all_migrations(database)


@on_postgresql
def test_indexes_are_built_beside_the_writers(database: BaseDatabaseWrapper) -> None:
    migrate_step_by_step(database, STEPS[3])
    database.force_debug_cursor = True
    migrate_step_by_step(database, STEPS[4])
    built = [query["sql"] for query in database.queries if "CREATE" in query["sql"]]
    assert len(built) == 3
    assert all("INDEX CONCURRENTLY" in statement for statement in built)


@on_postgresql
def test_upgrade_does_not_wait_for_writers_to_fill_and_index(
    database: BaseDatabaseWrapper,
) -> None:
    """Another session writes between any two statements without being locked out."""
    migrate_step_by_step(database, STEPS[2])
    record_id = insert_record(database)
    writer = database.copy(alias="writer")
    try:
        with writer.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")

        def write_between(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if not sql.startswith(("SELECT", "SET")):
                insert_notification(writer, record_id, title=str(uuid.uuid4()))
            return execute(sql, params, many, context)

        with database.execute_wrapper(write_between):
            migrate_step_by_step(database, STEPS[4])
    finally:
        writer.close()
    assert len(rows(database, "id")) > 5


@on_postgresql
def test_new_columns_rewrite_no_table(database: BaseDatabaseWrapper) -> None:
    migrate_step_by_step(database, "0006_tell_of_due_inserts")
    insert_notification(database, insert_record(database))

    def files() -> dict[str, int]:
        with database.cursor() as cursor:
            names = ", ".join(f"'{table}'" for table in TABLES)
            cursor.execute(f"SELECT relname, relfilenode FROM pg_class WHERE relname IN ({names})")
            return dict(cursor.fetchall())

    before = files()
    assert len(before) == 4
    database.force_debug_cursor = True
    migrate_step_by_step(database)
    assert before.items() <= files().items()
    indexed = [query["sql"] for query in database.queries if "notification_message" in query["sql"]]
    assert any("CREATE INDEX CONCURRENTLY" in statement for statement in indexed)


def test_large_extra_can_be_stored(database: BaseDatabaseWrapper) -> None:
    migrate()
    assert_large_extra_can_be_stored()


def test_old_columns_suffice_for_a_row(database: BaseDatabaseWrapper) -> None:
    """Release 1.5.3 goes on writing while the new one is rolled out."""
    migrate()
    assert_row_is_usable(insert_notification(database, insert_record(database)))


def test_same_notification_is_refused(database: BaseDatabaseWrapper) -> None:
    migrate()
    values = {
        "target_user_record": make_record(),
        "title": "Once",
        "body": "",
        "status": "SCHEDULED",
        "scheduled_delivery": datetime(2021, 2, 3, tzinfo=UTC),
        "extra": {"a": 1},
    }
    notifications = Notification.objects.using(ALIAS)
    notifications.create(**values)
    with pytest.raises(IntegrityError):
        notifications.create(**values)
    notifications.create(**{**values, "extra": {"a": 2}})
