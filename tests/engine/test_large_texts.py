"""Memory does not grow with what is due, however long the texts are."""

import json
import tracemalloc
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    TargetUserRecord,
)
from django_notification_system.models.long_texts import size_of_mark
from tests.conftest import MakeDue
from tests.support.handlers import freely
from tests.support.runs import in_real_transactions

MEGABYTE = 2**20
NUMBER = 60
#: The texts of the slices that a lane has, of the outcomes that wait, and as much for what reads.
MOST_MEGABYTES = 40


def make_many(record: TargetUserRecord, number: int, **fields: Any) -> None:
    Notification.objects.bulk_create(
        (
            Notification(
                target_user_record=record,
                title=f"number {index}",
                scheduled_delivery=timezone.now(),
                **fields,
            )
            for index in range(number)
        ),
        batch_size=5,
    )


def peak_of_a_run() -> float:
    tracemalloc.start()
    try:
        for _ in Run():
            pass
        return tracemalloc.get_traced_memory()[1] / MEGABYTE
    finally:
        tracemalloc.stop()


@in_real_transactions
@pytest.mark.parametrize("field", ["body", "extra"])
def test_long_texts_are_read_as_they_are_sent(record: TargetUserRecord, field: str) -> None:
    # Not one letter again and again, which PostgreSQL stores in next to nothing.
    text = "".join(f"{number} eggs, " for number in range(MEGABYTE // 14))
    make_many(record, NUMBER, **{field: text if field == "body" else {"menu": text}})
    assert peak_of_a_run() < MOST_MEGABYTES
    assert Notification.objects.filter(status="DELIVERED").count() == NUMBER


def test_a_handler_gets_each_text_whole_whatever_its_length(
    record: TargetUserRecord, make_due: MakeDue
) -> None:
    texts = ["", "x", "y" * 16_000, "z" * 17_000, "ü" * 40_000]
    for number, text in enumerate(texts):
        make_due(record, title=f"{number}", body=text, extra={"menu": text} if number else None)
    got: dict[str, tuple[str, Any]] = {}

    def behave(notifications: Any) -> Any:
        with CaptureQueriesContext(connection) as in_lane:
            for notification in notifications:
                before = len(in_lane)
                got[notification.title] = (notification.body, notification.extra)
                assert len(in_lane) == before
                yield from freely.one_after_another([notification])

    freely.behave = behave
    list(Run())
    assert got == {
        f"{number}": (text, {"menu": text} if number else None) for number, text in enumerate(texts)
    }


def test_short_texts_cost_no_query(record: TargetUserRecord, make_due: MakeDue) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            list(Run())
        return len(captured)

    make_due(record, body="short")
    short = queries()
    make_due(record, body="long" * 10_000)
    assert queries() == short + 1


@pytest.mark.usefixtures("without_collection")
def test_a_long_extra_that_python_cannot_read_ends_its_row_alone(
    record: TargetUserRecord, make_due: MakeDue
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("this database, or its driver, does not take it")
    deep, good = make_due(record, title="deep"), make_due(record, body="long" * 10_000)
    nested = "[" * 20_000 + "]" * 20_000
    with connection.cursor() as cursor:
        table = Notification._meta.db_table
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute(f"UPDATE {table} SET extra = %s WHERE title = 'deep'", [nested])
        cursor.execute("PRAGMA ignore_check_constraints = OFF")
    with pytest.raises(RecursionError):
        json.loads(nested)
    list(Run())
    deep, good = (Notification.objects.defer("extra").get(pk=each.pk) for each in (deep, good))
    assert deep.status == "DELIVERY FAILURE"
    assert "extra cannot be read" in deep.response
    assert good.status == "DELIVERED"


def test_a_row_that_is_deleted_before_its_text_is_read_is_left_out(
    record: TargetUserRecord, make_due: MakeDue
) -> None:
    gone, stays = make_due(record, title="gone", body="long" * 10_000), make_due(record)

    def delete(execute: Any, sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if sql.startswith("UPDATE") and "claim_token" in sql and not deleted:
            deleted.append(gone.pk)
            Notification.objects.filter(pk=gone.pk).delete()
        return result

    deleted: list[Any] = []
    with connection.execute_wrapper(delete):
        attempts = list(Run())
    assert [attempt.notification.pk for attempt in attempts] == [stays.pk]


@pytest.mark.django_db
def test_the_size_of_a_long_text_is_in_bytes(record: TargetUserRecord, make_due: MakeDue) -> None:
    # Each of the characters takes two bytes; a text of so many characters is short.
    make_due(record, body="ü" * 10_000)
    row = Notification.objects.leaving_long_texts().values_list("body", flat=True).get()
    assert size_of_mark(row) == 20_000
