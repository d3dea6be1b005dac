"""Higher priorities go first within what is due, and starve nobody."""

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from django_notification_system.delivery.claims import levels as levels_module
from django_notification_system.delivery.claims import take as take_module
from django_notification_system.delivery.claims.claim import Claim
from django_notification_system.delivery.claims.due import Due, targets_with_due
from django_notification_system.delivery.claims.levels import Levels
from django_notification_system.delivery.claims.take import take
from django_notification_system.delivery.handover import claim_batches, deliver_batch
from django_notification_system.delivery.runs.preview import preview
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_creators import email as email_creator
from django_notification_system.notification_creators import expo as expo_creator
from django_notification_system.notification_creators import twilio as twilio_creator
from tests.conftest import MakeDue
from tests.support.admin_site import Records, address, listed, staff_client
from tests.support.handlers import loft as loft_handler
from tests.support.plans import statements_of
from tests.support.runs import in_real_transactions
from tests.support.watching import watching_run

#: Seconds.
STEP = 600


def ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def claim(record: TargetUserRecord, size: int = 500, levels: Levels | None = None) -> Claim:
    return take(
        Due(target=record.target, due_by=timezone.now(), using="default"),
        size,
        lease_seconds=300,
        levels=levels,
    )


def titles(claim: Claim) -> list[str]:
    return [row.title for row in claim.notifications]


@pytest.mark.parametrize("size", [1, 2, 3, 500])
def test_what_has_a_higher_priority_goes_first(
    loft: TargetUserRecord, make_due: MakeDue, size: int
) -> None:
    for priority, title in ((0, "c"), (3, "b"), (9, "a"), (0, "d")):
        make_due(loft, title=title, priority=priority)
    order = "".join(title for _ in range(4) for title in titles(claim(loft, size)))
    assert order == "abcd"


def test_runs_deliver_in_that_order(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 4}
    for number in range(10):
        make_due(loft, title=f"{number}", scheduled_delivery=ago(60 - number))
    make_due(loft, title="urgent", priority=9)
    make_due(loft, title="urgent too", priority=9, status="RETRY", scheduled_delivery=ago(1))
    assert [attempt.notification.title for attempt in preview(Run())][:2] == [
        "urgent", "urgent too",
    ]  # fmt: skip
    list(Run())
    assert loft_handler.flown == ["urgent", "urgent too", *map(str, range(10))]


@pytest.mark.parametrize("size", [1, 500])
def test_a_step_of_priority_is_worth_so_long_a_wait(
    loft: TargetUserRecord, make_due: MakeDue, size: int
) -> None:
    make_due(loft, title="waited for longer", scheduled_delivery=ago(2 * STEP + 5))
    make_due(loft, title="two steps", priority=2, scheduled_delivery=ago(1))
    make_due(loft, title="waited for less", scheduled_delivery=ago(2 * STEP - 5))
    order = [title for _ in range(3) for title in titles(claim(loft, size))]
    assert order == ["waited for longer", "two steps", "waited for less"]


def test_the_worth_of_a_step_is_a_setting(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    def order() -> list[str]:
        Notification.objects.all().delete()
        make_due(loft, title="old", scheduled_delivery=ago(100))
        make_due(loft, title="urgent", priority=1)
        return [title for _ in range(2) for title in titles(claim(loft, 1))]

    settings.NOTIFICATION_SYSTEM = {"PRIORITY_AGING": 60}
    assert order() == ["urgent", "old"]
    settings.NOTIFICATION_SYSTEM = {"PRIORITY_AGING": 30}
    assert order() == ["old", "urgent"]
    settings.NOTIFICATION_SYSTEM = {"PRIORITY_AGING": 0}
    assert order() == ["old", "urgent"]


def test_nothing_starves_under_a_steady_stream_of_what_goes_first(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"PRIORITY_AGING": 10}
    start = ago(300)
    make_due(loft, title="patient", scheduled_delivery=start)
    for second in range(10):
        make_due(
            loft, title=f"{second}", priority=9, scheduled_delivery=start + timedelta(seconds=10)
        )
    gone: list[str] = []
    # As many come as go, each due ten seconds after the one before.
    for second in range(2, 40):
        gone += titles(claim(loft, 1))
        moment = start + timedelta(seconds=10 * second)
        if moment < timezone.now():
            make_due(loft, title=f"later {second}", priority=9, scheduled_delivery=moment)
    # Its wait is worth as much as nine steps for those that were due within 90 seconds of it.
    assert gone.index("patient") == 10 + 8


def test_a_limit_takes_what_goes_first_of_all_targets(
    loft: TargetUserRecord, records: Records, make_due: MakeDue
) -> None:
    for number in range(3):
        make_due(records["Expo"], title=f"push {number}", scheduled_delivery=ago(60))
        make_due(loft, title=f"bird {number}", scheduled_delivery=ago(30 - number), priority=1)
    assert [attempt.notification.title for attempt in Run(limit=2)] == ["bird 0", "bird 1"]


@pytest.mark.parametrize("highest", [11, 40])
def test_what_was_written_past_all_validation_goes_out_too(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any, highest: int
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 3}
    for priority in (-5, 0, 9, *range(10, highest)):
        make_due(loft, title=f"{priority}", priority=priority)
    make_due(loft, title="long ago", priority=9, scheduled_delivery="0001-01-02T00:00:00Z")
    list(Run())
    assert set(loft_handler.flown) == {"long ago", "-5", *map(str, (0, *range(9, highest)))}
    assert len(loft_handler.flown) == highest - 9 + 3
    if highest == 11:
        assert loft_handler.flown == ["long ago", "10", "9", "-5", "0"]


def test_without_priorities_a_claim_asks_no_more_than_it_did(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    for number in range(6):
        make_due(loft, title=f"{number}", status="RETRY" if number % 2 else "SCHEDULED")
    due_at = timezone.now()
    looks = statements_of(lambda: targets_with_due([loft.target], due_at, using="default"))
    assert len(looks) == 2  # the rows without a target, and the look
    (target,) = targets_with_due([loft.target], due_at, using="default")
    levels = Levels(target, using="default")
    statements = statements_of(lambda: claim(loft, 4, levels))
    # Two that are read, a mark; where these are not read as they are locked, their reading. MariaDB
    # reads the two as one, and locks the rows later.
    number = {"postgresql": 3, "sqlite": 4, "mysql": 4}[connection.vendor]
    assert len(statements) == number, statements
    assert not any('priority" =' in each or "priority` =" in each for each in statements)


def test_which_priorities_there_are_is_remembered_from_claim_to_claim(
    loft: TargetUserRecord, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        make_due(loft, title=f"{number}", priority=number % 2)
    levels = Levels(loft.target, using="default")
    first = statements_of(lambda: claim(loft, 1, levels))
    again = statements_of(lambda: claim(loft, 1, levels))
    assert len(again) < len(first)
    make_due(loft, title="urgent", priority=9)
    assert titles(claim(loft, 1, levels)) == ["5"]
    monkeypatch.setattr(levels_module, "REMEMBERED_SECONDS", 0)
    assert titles(claim(loft, 1, levels)) == ["urgent"]


def test_a_claim_goes_back_for_more_where_another_run_was_faster(
    loft: TargetUserRecord, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        make_due(loft, title=f"{number}", priority=number // 4)
    read = take_module.first_of
    others: list[list[str]] = []

    def read_and_lose(*arguments: Any, **options: Any) -> Any:
        parts = read(*arguments, **options)
        monkeypatch.setattr(take_module, "first_of", read)
        others.append(titles(claim(loft, 2)))
        return parts

    monkeypatch.setattr(take_module, "first_of", read_and_lose)
    mine = claim(loft, 2)
    assert (others, titles(mine), mine.is_last) == ([["4", "5"]], ["0", "1"], False)


@in_real_transactions
@pytest.mark.skipif(connection.vendor == "sqlite", reason="It locks no rows.")
@pytest.mark.parametrize("for_an_engine", [False, True])
def test_what_another_transaction_holds_for_long_keeps_nothing_else_waiting(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any, for_an_engine: bool
) -> None:
    urgent = make_due(loft, title="urgent", priority=9)
    make_due(loft, title="free")
    is_held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Notification.objects.filter(pk=urgent.pk).update(title="edited")
                is_held.set()
                is_over.wait(60)
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_held.wait(60)
    try:
        if for_an_engine:
            settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 1}
            keys = next(claim_batches()).keys
            found = list(Notification.objects.filter(pk__in=keys).values_list("title", flat=True))
        else:
            found = titles(claim(loft, 1))
    finally:
        is_over.set()
        thread.join()
    assert found == ["free"]


def test_task_engines_are_given_what_goes_first(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 2, "IN_FLIGHT": 2}
    keys = {
        make_due(loft, title=f"{priority}", priority=priority).pk: str(priority)
        for priority in (0, 3, 1, 9, 5, 0)
    }
    batches = list(claim_batches())
    given = [[keys[uuid.UUID(key)] for key in batch.keys] for batch in batches]
    assert given == [["9", "5"], ["3", "1"]]
    assert list(claim_batches()) == []  # so many are in flight
    deliver_batch(batches[0])
    assert loft_handler.flown == ["9", "5"]
    assert [batch.size for batch in claim_batches()] == [2]


@in_real_transactions
def test_a_watch_at_work_lets_what_comes_later_go_first(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 5}
    monkeypatch.setattr(levels_module, "REMEMBERED_SECONDS", 0)
    for number in range(60):
        make_due(loft, title=f"bird {number}")
    loft_handler.watchers.append(lambda notification: time.sleep(0.02))
    looks: Iterator[bool] = iter([True])

    def is_more_due() -> bool:
        if not loft_handler.flown or not next(looks, False):
            return False
        make_due(loft, title="urgent", priority=1, scheduled_delivery=timezone.now())
        return True

    list(watching_run(is_more_due))
    assert len(loft_handler.flown) == 61
    # Two batches at the most had been claimed.
    assert loft_handler.flown.index("urgent") <= 20


@in_real_transactions
def test_a_watch_at_work_tries_nothing_again_before_the_rest(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 5, "RECORD_EVERY": 1}
    for number in range(30):
        make_due(loft, title=f"bird {number}")
    make_due(loft, title="retry", retry_time_interval=0, priority=9)
    loft_handler.watchers.append(lambda notification: time.sleep(0.01))
    looks = 0

    def is_more_due() -> bool:
        nonlocal looks
        looks += 1
        return True

    list(watching_run(is_more_due))
    assert looks > 5
    assert loft_handler.flown[:31].count("retry") == 1


@pytest.mark.parametrize("priority", [-1, 10])
def test_the_range_is_validated(loft: TargetUserRecord, make_due: MakeDue, priority: int) -> None:
    with pytest.raises(ValidationError, match="priority"):
        make_due(loft, priority=priority).full_clean()
    make_due(loft, title="right", priority=9).full_clean()


def test_a_row_made_by_sql_that_knows_no_priority_has_none(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    """As by a process of the version before, while a deployment is under way."""
    notification = make_due(loft, priority=5)
    table = connection.ops.quote_name(Notification._meta.db_table)
    columns = ", ".join(
        connection.ops.quote_name(field.column)
        for field in Notification._meta.concrete_fields
        if field.name not in ("priority", "id", "digest")
    )
    key = Notification._meta.pk.get_db_prep_value(loft.pk, connection)  # any that is free
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (id, {columns}) SELECT %s, {columns} FROM {table}", [key]
        )
    assert Notification.objects.exclude(pk=notification.pk).get().priority == 0


def test_creators_take_a_priority(user: Any, records: Records) -> None:
    for creator in (email_creator, twilio_creator, expo_creator):
        creator.create_notification(user, "Hello", "World", priority=4)
    assert list(Notification.objects.values_list("priority", flat=True)) == [4, 4, 4]


def test_the_admin_lists_what_waits_by_priority(records: Records, make_due: MakeDue) -> None:
    client = staff_client("view_notification", "view_targetuserrecord")
    make_due(records["Email"], title="none")
    make_due(records["Email"], title="low", priority=1)
    make_due(records["Expo"], title="high", priority=9, status="RETRY")
    make_due(records["Expo"], title="done", priority=9, status="DELIVERED")
    assert listed(client, Notification, "priority=any") == {"low", "high"}
    assert listed(client, Notification, "priority=9") == {"high"}
    assert listed(client, Notification, "priority=3") == set()
    assert client.get(f"{address(Notification)}?priority=x").status_code == 302


def test_the_admin_sets_a_priority(records: Records, make_due: MakeDue) -> None:
    client: Client = staff_client("change_notification", "view_targetuserrecord")
    notification = make_due(records["Email"], priority=2)
    page = client.get(f"{address(Notification)}{notification.pk}/change/").content.decode()
    assert 'name="priority" value="2"' in page
