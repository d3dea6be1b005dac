"""A scratch database, and migrations as a person runs them."""

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from pytest_django import DjangoDbBlocker

from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from tests.settings import TEST_DATABASE
from tests.support.scratch_databases import scratch_database

APP = "django_notification_system"
ALIAS = "scratch"
SQUASHED = (APP, "0001_squashed_0035_subscribed_records")
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

#: A migration's name and a statement's words without its names; no name where the migration is
#: one transaction, all of which any interruption takes back.
Kind = tuple[str, str]

has_step_by_step_path = pytest.mark.skipif(
    TEST_DATABASE == "mariadb", reason="0001 cannot be applied on MariaDB, the squashed one serves"
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


def applied(connection: BaseDatabaseWrapper) -> set[str]:
    return {name for app, name in MigrationLoader(connection).applied_migrations if app == APP}


def all_migrations(connection: BaseDatabaseWrapper) -> set[str]:
    return {name for app, name in MigrationLoader(connection).disk_migrations if app == APP}


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


def make_record() -> TargetUserRecord:
    """Make a user and a record with the models of today."""
    user_model = TargetUserRecord._meta.get_field("user").related_model
    user, _ = user_model._default_manager.using(ALIAS).get_or_create(username="egg")
    target = NotificationTarget.objects.using(ALIAS).get(name="Email")
    return TargetUserRecord.objects.using(ALIAS).create(
        user=user, target=target, target_user_id="made@example.com", description="Email"
    )


def assert_row_is_usable(key: uuid.UUID) -> None:
    """Read and write a notification that was inserted with the columns of release 1.5.3."""
    notification = Notification.objects.using(ALIAS).get(pk=key)
    assert (notification.response, notification.provider_message_id) == ("", "")
    assert notification.target_user_record.origin == ""
    notification.status = Notification.DELIVERED
    notification.save()


def assert_large_extra_can_be_stored() -> None:
    extra = {"large": uuid.uuid4().hex * 3200}
    notification = Notification.objects.using(ALIAS).create(
        target_user_record=make_record(),
        title="Large",
        body="",
        status="SCHEDULED",
        scheduled_delivery=datetime.now(UTC),
        extra=extra,
    )
    notification.refresh_from_db()
    assert notification.extra == extra


def rows(connection: BaseDatabaseWrapper, columns: str) -> Sequence[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {NOTIFICATIONS} ORDER BY id")
        return cursor.fetchall()


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
