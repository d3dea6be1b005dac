"""The migrations: both paths give one schema, and an interruption at any point is survived."""

import itertools
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from pytest_django import DjangoDbBlocker

from django_notification_system.migrations._targets import create_targets
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from tests.nightly import NIGHTLY
from tests.settings import TEST_DATABASE
from tests.support.definitions import definitions
from tests.support.scratch_databases import scratch_database, snapshot

APP = "django_notification_system"
ALIAS = "scratch"
SQUASHED = (APP, "0001_squashed_0028_keys_in_order_of_time")
STEPS = (
    "0001_initial",
    "0002_auto_20201201_1720",
    "0003_claims_and_responses",
    "0004_fill_digest",
    "0005_unique_digest",
)
NOTIFICATIONS = "notification_system_notification"
#: In an order in which they can be dropped.
TABLES = (
    "notification_system_attachment",
    "notification_system_content",
    "notification_system_attempt",
    "notification_system_preference",
    "notification_system_suppression",
    "notification_system_consent_log",
    NOTIFICATIONS,
    "notification_system_target_user_record",
    "notification_system_opt_out",
    "notification_system_target",
)

#: What makes something new, or looks; removing what is not there removes nothing.
MAKES = re.compile(
    r"\s*(CREATE|INSERT|SELECT|PRAGMA|SET|SAVEPOINT|RELEASE|DROP TRIGGER IF EXISTS"
    r"|ALTER TABLE \S+ ADD)\b",
    re.IGNORECASE,
)

#: A migration's name and a statement's words without its names; no name where the migration is
#: one transaction, all of which any interruption takes back.
Kind = tuple[str, str]

has_step_by_step_path = pytest.mark.skipif(
    TEST_DATABASE == "mariadb", reason="0001 cannot be applied on MariaDB, the squashed one serves"
)
on_postgresql = pytest.mark.skipif(
    TEST_DATABASE != "postgresql", reason="only PostgreSQL builds indexes beside its writers"
)


@pytest.fixture(scope="module")
def scratch(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """A database under an alias of its own; making one takes a server seconds."""
    with scratch_database(TEST_DATABASE, tmp_path_factory.mktemp("scratch")) as settings:
        configured = connections.configure_settings({"default": {}, ALIAS: settings})
        connections.databases[ALIAS] = configured[ALIAS]
        with django_db_blocker.unblock():
            call_command("migrate", "auth", database=ALIAS, verbosity=0)
            connections[ALIAS].close()
            yield
        del connections.databases[ALIAS]


@pytest.fixture
def database(scratch: None, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """A connection to a database that has Django's own tables and none of this app."""
    with django_db_blocker.unblock():
        yield connections[ALIAS]
        clear(connections[ALIAS])
        del connections[ALIAS]


def clear(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        there = connection.introspection.table_names(cursor)
        for table in TABLES:
            if table in there:
                cursor.execute(f"DROP TABLE {table}")
        cursor.execute("DELETE FROM django_migrations WHERE app = %s", [APP])
        cursor.execute("DELETE FROM auth_user")
    connection.close()


def migrate(*target: str) -> None:
    """Migrate this app as a person would."""
    call_command("migrate", APP, *target, database=ALIAS, verbosity=0)


def migrate_step_by_step(
    connection: BaseDatabaseWrapper,
    last: str | None = None,
    interruption: "Interruption | None" = None,
) -> None:
    """Migrate on the way that projects on release 1.5.3 have come."""
    executor = MigrationExecutor(connection, progress_callback=interruption and interruption.begin)
    executor.loader = MigrationLoader(connection, replace_migrations=False)
    leaves = [node for node in executor.loader.graph.leaf_nodes(APP) if node != SQUASHED]
    with connection.execute_wrapper(interruption) if interruption else nullcontext():
        executor.migrate(leaves if last is None else [(APP, last)])


def all_migrations(connection: BaseDatabaseWrapper) -> set[str]:
    return {name for app, name in MigrationLoader(connection).disk_migrations if app == APP}


def applied(connection: BaseDatabaseWrapper) -> set[str]:
    return {name for app, name in MigrationLoader(connection).applied_migrations if app == APP}


def schema(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return all that the database knows of the app's tables, but for the order of columns."""
    described: dict[str, Any] = {}
    with connection.cursor() as cursor:
        for table in set(TABLES) & set(connection.introspection.table_names(cursor)):
            description = connection.introspection.get_table_description(cursor, table)
            constraints = connection.introspection.get_constraints(cursor, table)
            described[table] = {
                "columns": {column.name: tuple(column) for column in description},
                "constraints": sorted(
                    # SQLite numbers the constraints that have no name.
                    (name.removeprefix("__unnamed_constraint_") and name.rstrip("0123456789"), key)
                    for name, constraint in constraints.items()
                    for key in [repr(sorted(constraint.items(), key=str))]
                ),
            }
    return described


def make_record(connection: BaseDatabaseWrapper) -> TargetUserRecord:
    user_model = TargetUserRecord._meta.get_field("user").related_model
    user = user_model(username="egg")
    user.save(using=ALIAS)
    target = NotificationTarget.objects.using(ALIAS).get(name="Email")
    return TargetUserRecord.objects.using(ALIAS).create(
        user=user, target=target, target_user_id="eggs@example.com", description="Email"
    )


def insert(connection: BaseDatabaseWrapper, table: str, **values: Any) -> uuid.UUID:
    """Insert a row with these columns alone, as release 1.5.3 does."""
    key = uuid.uuid4()
    now = connection.ops.adapt_datetimefield_value(datetime.now(UTC))
    values = {"created_date": now, "modified_date": now, **values}
    values["id"] = key if connection.features.has_native_uuid_field else key.hex
    quote = connection.ops.quote_name
    columns = ", ".join(quote(name) for name in values)
    places = ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", list(values.values()))
    return key


def insert_notification(
    connection: BaseDatabaseWrapper,
    record_id: Any,
    title: str = "Old",
    extra: str = "{}",
    **values: Any,
) -> uuid.UUID:
    moment = datetime(2021, 2, 3, tzinfo=UTC)
    old = {
        "title": title,
        "body": "Hello",
        "extra": extra,
        "status": "SCHEDULED",
        "scheduled_delivery": connection.ops.adapt_datetimefield_value(moment),
        "attempted_delivery": None,
        "retry_time_interval": 0,
        "retry_attempts": 0,
        "max_retries": 3,
        "target_user_record_id": record_id,
    }
    return insert(connection, NOTIFICATIONS, **(old | values))


def target_of_record(connection: BaseDatabaseWrapper) -> Any:
    """Return the key of the target of what ``insert_record()`` made, as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM notification_system_target WHERE name = 'Email'")
        (target_id,) = cursor.fetchone()
    return target_id


def insert_record(connection: BaseDatabaseWrapper, address: str = "eggs@example.com") -> Any:
    """Insert a user and a record with the columns of release 1.5.3."""
    user_model = TargetUserRecord._meta.get_field("user").related_model
    user, _ = user_model._default_manager.using(ALIAS).get_or_create(username="egg")
    key = insert(
        connection,
        "notification_system_target_user_record",
        user_id=user.pk,
        target_id=target_of_record(connection),
        target_user_id=address,
        description="Email",
        active=True,
    )
    return key if connection.features.has_native_uuid_field else key.hex


def rows(connection: BaseDatabaseWrapper, columns: str) -> Sequence[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {NOTIFICATIONS} ORDER BY id")
        return cursor.fetchall()


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


@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="SQLite copies a table for a constraint")
def test_new_database_makes_nothing_that_is_removed_or_changed_again(
    database: BaseDatabaseWrapper,
) -> None:
    """Judged by the statements, so also by those of functions and of raw SQL."""
    changed: list[str] = []

    def watch(execute: Any, sql: str, *arguments: Any) -> Any:
        if not MAKES.match(sql):
            changed.append(sql)
        return execute(sql, *arguments)

    with database.execute_wrapper(watch):
        migrate(SQUASHED[1])
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


@has_step_by_step_path
def test_both_paths_give_the_same_schema(
    database: BaseDatabaseWrapper,
) -> None:
    migrate_step_by_step(database)
    stepwise = schema(database), definitions(database, TABLES)
    migrate("zero")
    migrate()
    assert (schema(database), definitions(database, TABLES)) == stepwise


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
def test_targets_that_a_project_has_changed_are_left_alone(database: BaseDatabaseWrapper) -> None:
    migrate_step_by_step(database, STEPS[1])
    targets = NotificationTarget.objects.using(ALIAS)
    targets.filter(name="Twilio").update(notification_module_name="my_sms")
    targets.filter(name="Expo")._raw_delete(ALIAS)  # the columns of later steps are not there
    migrate()
    assert sorted(targets.values_list("name", "notification_module_name")) == [
        ("Email", "email"),
        ("Twilio", "my_sms"),
    ]


@has_step_by_step_path
@pytest.mark.parametrize("by_squashed", [True, False])
def test_migrations_can_be_taken_back_to_those_of_release_1_5_3(
    database: BaseDatabaseWrapper, by_squashed: bool
) -> None:
    migrate_step_by_step(database, STEPS[1])
    of_release = schema(database)
    if by_squashed:
        migrate("zero")
        migrate()
    else:
        migrate()
    key = insert_notification(database, insert_record(database))

    migrate(STEPS[1])

    assert schema(database) == of_release
    assert applied(database) == set(STEPS[:2])
    assert len(rows(database, "id")) == 1
    migrate()
    assert Notification.objects.using(ALIAS).get().pk == key
    assert applied(database) == all_migrations(database)


COLUMNS_OF_OLD = "id, title, extra, scheduled_delivery, modified_date"


def make_old_rows(connection: BaseDatabaseWrapper) -> None:
    migrate_step_by_step(connection, STEPS[2])
    record_id = insert_record(connection)
    for title in ("one", "two", "three"):
        insert_notification(connection, record_id, title)


@has_step_by_step_path
def test_interruption_before_each_kind_of_statement_is_survived(
    database: BaseDatabaseWrapper,
) -> None:
    """Some migrations are not one transaction, so that writers need not wait for them.

    Here each interruption comes on top of those before it; at night each comes alone.
    """
    migrate_step_by_step(database)
    whole = schema(database)
    migrate_step_by_step(database, STEPS[2])
    make_old_rows(database)
    before = rows(database, COLUMNS_OF_OLD)
    seen: set[Kind] = set()

    def is_new(kind: Kind) -> bool:
        new = kind not in seen
        seen.add(kind)
        return new

    while (interruption := interrupt_migrations(is_new)).happened:
        assert rows(connections[ALIAS], COLUMNS_OF_OLD) == before, interruption.kinds[-1]
    assert schema(connections[ALIAS]) == whole, seen
    assert len(seen) > 10


@has_step_by_step_path
@pytest.mark.skipif(not NIGHTLY, reason="for the night: it takes minutes")
def test_interruption_before_any_statement_is_survived(database: BaseDatabaseWrapper) -> None:
    make_old_rows(database)
    before = rows(database, COLUMNS_OF_OLD)
    database.close()
    with snapshot(TEST_DATABASE, database.settings_dict["NAME"]) as restore:
        kinds = interrupt_migrations(lambda kind: False).kinds
        whole = schema(connections[ALIAS])
        for position, kind in enumerate(kinds):
            connections[ALIAS].close()
            restore()
            left = itertools.count(-position)
            if not interrupt_migrations(lambda kind, left=left: next(left) == 0).happened:
                # Django keeps content types in the process, so that later runs make fewer.
                assert position > len(kinds) - 10
                break
            migrate_step_by_step(connections[ALIAS])
            assert schema(connections[ALIAS]) == whole, kind
            assert rows(connections[ALIAS], COLUMNS_OF_OLD) == before, kind
        connections[ALIAS].close()


def interrupt_migrations(ends_before: Callable[[Kind], bool]) -> "Interruption":
    """Migrate until the session ends before a statement, and begin another session."""
    interruption = Interruption(ends_before)
    try:
        migrate_step_by_step(connections[ALIAS], interruption=interruption)
    except Exception:  # whatever Django says when its connection has gone
        if not interruption.happened:
            raise
        connections[ALIAS].close()
        del connections[ALIAS]
    return interruption


class Interruption:
    """Watches the statements of migrations that change something, and ends the session before one.

    Args:
        ends_before: Asked about each statement.

    Attributes:
        kinds: The statements that came, and the one that did not.
        happened: Whether the session was ended.
    """

    def __init__(self, ends_before: Callable[[Kind], bool]) -> None:
        self.kinds: list[Kind] = []
        self.happened = False
        self._ends_before = ends_before
        self._migration = ""

    def begin(self, action: str, migration: Migration | None = None, fake: bool = False) -> None:
        """Hear from Django which migration comes."""
        if action == "apply_start" and migration is not None:
            self._migration = "" if migration.atomic else migration.name

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not self.happened and not sql.lstrip().upper().startswith(("SELECT", "PRAGMA")):
            without_names = re.sub(r"\"[^\"]*\"|'[^']*'", "", sql)
            words = " ".join(re.findall(r"[A-Z]{2,}", without_names)[:4])
            self.kinds.append((self._migration, words))
            if self._ends_before(self.kinds[-1]):
                self.happened = True
                context["connection"].connection.close()
        return execute(sql, params, many, context)


@has_step_by_step_path
def test_messages_that_await_a_receipt_are_asked_about_at_their_time(
    database: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Development versions of 2.0 noted in ``provider_status`` how often they had asked."""
    monkeypatch.setattr(f"{APP}.migrations.0026_fill_receipt_due_at.BATCH_SIZE", 2)
    migrate_step_by_step(database, "0024_printable_names")
    record_id = insert_record(database)
    words = ["receipt awaited"] * 5 + ["receipt awaited, asked 2x", "ok", "no receipt", ""]
    for number, word in enumerate(words):
        insert_notification(
            database,
            record_id,
            title=str(number),
            status="DELIVERED",
            attempted_delivery=database.ops.adapt_datetimefield_value(datetime.now(UTC)),
            provider_status=word,
            target_id=target_of_record(database),
        )

    migrate()

    found = {}
    for row in Notification.objects.using(ALIAS):
        assert row.attempted_delivery is not None
        minutes = row.receipt_due_at and (row.receipt_due_at - row.attempted_delivery).seconds / 60
        found[int(row.title)] = (row.provider_status, minutes)
    expected = [("", 15)] * 5 + [("", 60), ("ok", None), ("no receipt", None), ("", None)]
    assert found == dict(enumerate(expected))


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


@pytest.mark.parametrize("by_squashed", [True, False])
def test_large_extra_can_be_stored(database: BaseDatabaseWrapper, by_squashed: bool) -> None:
    if not by_squashed and TEST_DATABASE == "mariadb":
        pytest.skip("0001 cannot be applied on MariaDB")
    if not by_squashed:
        migrate_step_by_step(database)
    migrate()
    extra = {"large": uuid.uuid4().hex * 3200}
    notification = Notification.objects.using(ALIAS).create(
        target_user_record=make_record(database),
        title="Large",
        body="",
        status="SCHEDULED",
        scheduled_delivery=datetime.now(UTC),
        extra=extra,
    )
    notification.refresh_from_db()
    assert notification.extra == extra


@pytest.mark.parametrize("last", [*STEPS[2:], SQUASHED[1]])
def test_old_columns_suffice_for_a_row(database: BaseDatabaseWrapper, last: str) -> None:
    """Release 1.5.3 goes on writing while the new one is rolled out."""
    if last in STEPS:
        if TEST_DATABASE == "mariadb":
            pytest.skip("0001 cannot be applied on MariaDB")
        migrate_step_by_step(database, last)
    else:
        migrate()
    key = insert_notification(database, insert_record(database))
    migrate()
    notification = Notification.objects.using(ALIAS).get(pk=key)
    assert (notification.response, notification.provider_message_id) == ("", "")
    assert notification.target_user_record.origin == ""
    notification.status = Notification.DELIVERED
    notification.save()


def test_same_notification_is_refused(database: BaseDatabaseWrapper) -> None:
    migrate()
    values = {
        "target_user_record": make_record(database),
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
