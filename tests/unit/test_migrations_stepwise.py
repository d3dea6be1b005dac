"""A database that came by every migration, one after another, with rows from on the way.

It is made once: to come all the way takes seconds, and each of these tests looks at other rows.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_notification_system.models import Notification, NotificationTarget
from tests.settings import TEST_DATABASE
from tests.support.definitions import definitions
from tests.support.migrating import (
    ALIAS,
    APP,
    STEPS,
    TABLES,
    all_migrations,
    applied,
    assert_large_extra_can_be_stored,
    assert_row_is_usable,
    clear,
    has_step_by_step_path,
    insert_notification,
    insert_record,
    migrate,
    migrate_step_by_step,
    rows,
    schema,
    scratch,
    target_of_record,
)
from tests.support.scratch_databases import snapshot

__all__ = ["scratch"]

#: What development versions of 2.0 noted in ``provider_status``, and the minutes from the attempt
#: to the next question.
AWAITED = [("receipt awaited", 15)] * 5 + [("receipt awaited, asked 2x", 60)]
NOT_AWAITED = ["ok", "no receipt", ""]

pytestmark = has_step_by_step_path


@dataclass(frozen=True)
class Stepwise:
    """The database, and what was seen on the way.

    Attributes:
        squashed: What the squashed migration leaves; see ``state()``.
        of_release: The schema of release 1.5.3.
        keys: The key of the notification that was inserted at each of ``STEPS[2:]``.
    """

    squashed: Any
    of_release: Any
    keys: dict[str, uuid.UUID]


@pytest.fixture(scope="module")
def stepwise(scratch: None) -> Iterator[Stepwise]:
    """A database at the last migration."""
    connection = connections[ALIAS]
    migrate()
    squashed = state(connection)
    clear(connection)
    migrate_step_by_step(connection, STEPS[1])
    of_release = schema(connection)
    change_targets()
    keys = {}
    for step in STEPS[2:]:
        migrate_step_by_step(connection, step)
        record_id = insert_record(connection, f"{step}@example.com")
        keys[step] = insert_notification(connection, record_id, step)
    migrate_step_by_step(connection, "0024_printable_names")
    insert_awaited(connection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{APP}.migrations.0026_fill_receipt_due_at.BATCH_SIZE", 2)
        migrate()
    yield Stepwise(squashed, of_release, keys)
    clear(connection)


def state(connection: BaseDatabaseWrapper) -> Any:
    """Return all by which a later ``migrate`` could tell two databases apart, but for rows."""
    return schema(connection), definitions(connection, TABLES), applied(connection)


def change_targets() -> None:
    """Change one target as a project might, and delete another."""
    targets = NotificationTarget.objects.using(ALIAS)
    targets.filter(name="Twilio").update(notification_module_name="my_sms")
    targets.filter(name="Expo")._raw_delete(ALIAS)  # the columns of later steps are not there


def insert_awaited(connection: BaseDatabaseWrapper) -> None:
    """Insert what development versions wrote of Expo's receipts."""
    record_id = insert_record(connection, "awaited@example.com")
    words = [word for word, _ in AWAITED] + NOT_AWAITED
    for number, word in enumerate(words):
        insert_notification(
            connection,
            record_id,
            title=f"awaited {number}",
            status="DELIVERED",
            attempted_delivery=connection.ops.adapt_datetimefield_value(datetime.now(UTC)),
            provider_status=word,
            target_id=target_of_record(connection),
        )


def test_both_paths_give_the_same_schema(stepwise: Stepwise) -> None:
    assert state(connections[ALIAS]) == stepwise.squashed


def test_targets_that_a_project_has_changed_are_left_alone(stepwise: Stepwise) -> None:
    targets = NotificationTarget.objects.using(ALIAS)
    assert sorted(targets.values_list("name", "notification_module_name")) == [
        ("Email", "email"),
        ("Twilio", "my_sms"),
    ]


@pytest.mark.parametrize("last", STEPS[2:])
def test_old_columns_suffice_for_a_row(stepwise: Stepwise, last: str) -> None:
    """Release 1.5.3 goes on writing while the new one is rolled out."""
    assert_row_is_usable(stepwise.keys[last])


def test_messages_that_await_a_receipt_are_asked_about_at_their_time(stepwise: Stepwise) -> None:
    found = {}
    for row in Notification.objects.using(ALIAS).filter(title__startswith="awaited"):
        assert row.attempted_delivery is not None
        minutes = row.receipt_due_at and (row.receipt_due_at - row.attempted_delivery).seconds / 60
        found[row.title] = (row.provider_status, minutes)
    expected: list[tuple[str, int | None]] = [("", minutes) for _, minutes in AWAITED]
    expected += [(word, None) for word in NOT_AWAITED]
    assert found == {f"awaited {number}": each for number, each in enumerate(expected)}


def test_large_extra_can_be_stored(stepwise: Stepwise) -> None:
    assert_large_extra_can_be_stored()


def test_migrations_can_be_taken_back_to_those_of_release_1_5_3(stepwise: Stepwise) -> None:
    """So can a squashed migration: it leaves the same, as ``test_both_paths`` says."""
    there = {row[0] for row in rows(connections[ALIAS], "id")}
    connections[ALIAS].close()
    with snapshot(TEST_DATABASE, connections[ALIAS].settings_dict["NAME"]) as restore:
        migrate(STEPS[1])

        connection = connections[ALIAS]
        assert schema(connection) == stepwise.of_release
        assert applied(connection) == set(STEPS[:2])
        assert {row[0] for row in rows(connection, "id")} == there
        migrate()
        assert set(Notification.objects.using(ALIAS).values_list("pk", flat=True)) >= set(
            stepwise.keys.values()
        )
        assert applied(connection) == all_migrations(connection)
        connection.close()
        restore()
