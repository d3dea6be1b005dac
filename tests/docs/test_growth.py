"""What the page on growth shows for PostgreSQL: partitions and an archive, with the app at work."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.state import ProjectState
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.delivery.claims.due import Due
from django_notification_system.delivery.claims.take import take
from django_notification_system.migrations._operations import AddIndexOnline
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    TargetUserRecord,
)
from django_notification_system.models.attachment import AttachmentContent, NotificationAttachment
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.support.documentation import EXAMPLES, process
from tests.support.many_notifications import multiply
from tests.support.plans import plan_of, statements_of

pytestmark = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="the page's SQL is PostgreSQL's"
)

TABLE = Notification._meta.db_table
#: The old table becomes the partition of what was created before.
BORDER = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
LONG_AGO = BORDER - timedelta(days=100)


def execute(statement: str, parameters: Any = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()[0] if cursor.description else None


def run_sql(name: str) -> None:
    execute((EXAMPLES / name).read_text())


def partitions() -> dict[str, str]:
    """Return the partition of each notification, by title."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT title, tableoid::regclass::text FROM {TABLE}")
        return dict(cursor.fetchall())


def age(*titles: str) -> None:
    Notification.objects.filter(title__in=titles).update(created_date=LONG_AGO)


def attach_to(notification: Notification) -> None:
    content = AttachmentContent.objects.create(digest="0" * 64, data=b"x", size=1)
    NotificationAttachment.objects.create(
        notification=notification, position=0, name="x", mimetype="text/plain", content=content
    )


def divide(before: datetime = BORDER) -> None:
    """Partition the table: what was created before the border, and two days from there."""
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("SELECT notification_system_partition(%s)", [before])
    for day in (0, 1):
        bounds = [BORDER + timedelta(days=day), BORDER + timedelta(days=day + 1)]
        execute("SELECT notification_system_add_partition(%s, %s)", bounds)


@pytest.fixture
def today(email: TargetUserRecord, make_due: MakeDue) -> str:
    """Partition a table with an old notification that is due, and return today's partition."""
    make_due(email, title="old")
    age("old")
    run_sql("partitions.sql")
    divide()
    return f"{TABLE}_{BORDER:%Y%m%d}"


@pytest.fixture
def all_history(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"HISTORY": "all"}


def test_engine_works_on_a_partitioned_table(
    today: str,
    email: TargetUserRecord,
    mail_server: SmtpStandIn,
    all_history: None,
) -> None:
    notify(email.user, "new", "A body", target="Email")
    assert partitions() == {"old": f"{TABLE}_first", "new": today}
    assert process().count("Email Successfully Sent") == 2
    assert len(mail_server.received) == 2
    assert set(Notification.objects.values_list("status", flat=True)) == {"DELIVERED"}
    assert NotificationAttempt.objects.count() == 2
    execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_inserts_are_told_of_where_the_table_is_partitioned(today: str) -> None:
    tables = "SELECT array_agg(tgrelid::regclass::text) FROM pg_trigger WHERE tgname = %s"
    assert execute(tables, ["notification_system_due_inserted"]) == [TABLE]


def test_failed_attempt_waits_in_a_partitioned_table(
    today: str, email: TargetUserRecord, mail_server: SmtpStandIn
) -> None:
    mail_server.answer("RCPT", "451 4.3.0 Try again later")
    process()
    retried = Notification.objects.get()
    assert retried.status == "RETRY"
    assert retried.scheduled_delivery > timezone.now()
    assert partitions() == {"old": f"{TABLE}_first"}


def test_purge_works_on_a_partitioned_table(
    today: str, email: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(email, title="new")
    Notification.objects.filter(title="old").update(
        status="DELIVERED", scheduled_delivery=LONG_AGO, attempted_delivery=LONG_AGO
    )
    call_command("purge_notifications", "--older-than", "90d", verbosity=0)
    assert set(partitions()) == {"new"}


def test_repetition_is_refused_within_a_partition_alone(
    today: str, email: TargetUserRecord
) -> None:
    def repeat() -> int:
        return notify(email.user, "once", "A body", target="Email", idempotency_key="invoice-7")

    assert repeat() == 1
    assert repeat() == 0
    age("once")
    assert repeat() == 1
    assert repeat() == 0


def test_what_has_no_partition_is_created_all_the_same(
    today: str, email: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(email, title="late")
    Notification.objects.filter(title="late").update(created_date=BORDER + timedelta(days=2))
    assert partitions()["late"] == f"{TABLE}_rest"


def test_partition_is_dropped_with_its_attempts_once_nothing_in_it_waits(
    today: str, mail_server: SmtpStandIn, email: TargetUserRecord, all_history: None
) -> None:
    drop = "SELECT notification_system_drop_partition(%s)"
    for known_target in (email.target, None):
        Notification.objects.update(target=known_target)
        with pytest.raises(DatabaseError, match="still to be delivered"), transaction.atomic():
            execute(drop, [f"{TABLE}_first"])
    attach_to(Notification.objects.get(title="old"))
    notify(email.user, "new", "A body", target="Email")
    process()
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute(drop, [f"{TABLE}_first"])
    assert set(partitions()) == {"new"}
    assert not NotificationAttachment.objects.exists()
    kept = NotificationAttempt.objects.get()
    assert kept.notification.title == "new"


def test_table_is_not_partitioned_where_another_refers_to_it(
    email: TargetUserRecord, make_due: MakeDue
) -> None:
    run_sql("partitions.sql")
    execute(f"CREATE TABLE mine (notification_id uuid REFERENCES {TABLE} (id))")
    with pytest.raises(DatabaseError, match="Table mine refers to"), transaction.atomic():
        divide()


def test_table_is_not_partitioned_at_a_moment_that_is_past(
    email: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(email, title="new")
    run_sql("partitions.sql")
    with pytest.raises(DatabaseError, match="violated by some row"), transaction.atomic():
        divide()
    assert partitions() == {"new": TABLE}


def test_claim_reads_no_more_than_it_takes_where_nothing_is_sorted(
    today: str, email: TargetUserRecord, make_due: MakeDue
) -> None:
    # Ten days of what was delivered, and no statistics of what waits, as after a burst.
    for day in range(10):
        if day > 1:
            bounds = [BORDER + timedelta(days=day), BORDER + timedelta(days=day + 1)]
            execute("SELECT notification_system_add_partition(%s, %s)", bounds)
        ended = make_due(email, title=f"{day}", status="DELIVERED")
        multiply([ended.pk], 500)
        Notification.objects.filter(title=f"{day}").update(
            created_date=BORDER + timedelta(days=day)
        )
    execute("ANALYZE")
    burst = make_due(email, title="burst", scheduled_delivery=BORDER - timedelta(days=7))
    multiply([burst.pk], 2_000)

    def claim() -> None:
        take(
            Due(target=email.target, due_by=timezone.now(), using="default"), 50, lease_seconds=300
        )

    def rows_read() -> float:
        statement = next(each for each in statements_of(claim) if "FOR UPDATE" in each)
        return sum(access.rows or 0 for access in plan_of(statement).accesses)

    assert rows_read() > 1_000
    execute("SET LOCAL enable_sort = off")
    assert rows_read() < 400


def test_later_migration_adds_its_index_to_all_partitions(today: str) -> None:
    before = ProjectState.from_apps(apps)
    index = models.Index(fields=["title"], name="notification_by_title")
    operation = AddIndexOnline(model_name="notification", index=index)
    after = before.clone()
    operation.state_forwards("django_notification_system", after)
    with connection.schema_editor(atomic=False) as editor:  # as in a migration that says so
        operation.database_forwards("django_notification_system", editor, before, after)
    with connection.cursor() as cursor:
        for table in (TABLE, today, f"{TABLE}_first", f"{TABLE}_rest"):
            constraints = connection.introspection.get_constraints(cursor, table)
            assert [each for each in constraints.values() if each["columns"] == ["title"]], table


def test_archive_takes_what_has_ended_and_leaves_what_waits(
    email: TargetUserRecord, make_due: MakeDue
) -> None:
    past: dict[str, Any] = {"scheduled_delivery": LONG_AGO, "attempted_delivery": LONG_AGO}
    ended = make_due(email, title="ended", status="DELIVERED", response="Sent", **past)
    make_due(email, title="failed", status="DELIVERY FAILURE", **past)
    make_due(email, title="waits", status="RETRY", **past)
    make_due(email, title="new", status="DELIVERED", attempted_delivery=timezone.now())
    NotificationAttempt.objects.create(
        notification=ended, attempted_at=LONG_AGO, result="DELIVERED"
    )
    attach_to(ended)
    run_sql("archive.sql")
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    move = "SELECT notification_system_move_to_archive(now() - interval '90 days', 1)"
    assert [execute(move) for _ in range(3)] == [1, 1, 0]
    assert set(partitions()) == {"waits", "new"}
    assert not NotificationAttempt.objects.exists()
    assert not NotificationAttachment.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT title, response FROM notification_system_archive ORDER BY title")
        assert cursor.fetchall() == [("ended", "Sent"), ("failed", "")]


def test_settings_are_those_of_the_table(db: None) -> None:
    run_sql("table_settings.sql")
    options = execute("SELECT reloptions FROM pg_class WHERE relname = %s", [TABLE])
    assert {"fillfactor=80", "autovacuum_vacuum_scale_factor=0.01"} <= set(options)
