"""A claim reads the due index, and no more of it than it claims, however full the table is."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, models, transaction
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from django_notification_system.conf import EngineSettings
from django_notification_system.delivery.claims.due import Due, next_due_after, targets_with_due
from django_notification_system.delivery.claims.levels import Levels
from django_notification_system.delivery.claims.take import take
from django_notification_system.delivery.handover import (
    BatchMessage,
    claim_batches,
    claim_notifications,
    deliver_batch,
    give_back,
)
from django_notification_system.delivery.outcomes.doubts import has_stopped_with
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.models.indexes import ordering
from tests.support.many_notifications import analyze, multiply
from tests.support.plans import Plan, explained, plan_of, statements_of

TABLE = Notification._meta.db_table
BATCH = 50
PRIORITIES = (3, 9)
#: The claim's own rows, those that the claim before it holds, and some to spare.
MOST_ROWS = 4 * BATCH


@dataclass(frozen=True)
class Share:
    """How many of a target's notifications are done with, and how many are due."""

    delivered: int
    due: int


# Nearly all of the table is the quiet one's, so that a database that counts targets and statuses
# apart takes nearly all that is due for the quiet one's, too.
SHARES = {"busy": Share(2_000, 4_000), "quiet": Share(40_000, 2 * BATCH)}


def columns_of(index: models.Index) -> list[str]:
    return [Notification._meta.get_field(name).column for name in index.fields]


def looks_up_a_target(index: models.Index) -> bool:
    first = Notification._meta.get_field(index.fields[0])
    return isinstance(first, models.ForeignKey) and first.related_model is NotificationTarget


DUE_INDEX = next(
    index
    for index in Notification._meta.indexes
    if index.fields[1:] == ["status", "scheduled_delivery"] and looks_up_a_target(index)
)
PRIORITY_INDEX = next(index for index in Notification._meta.indexes if "priority" in index.fields)
INDEXES = (DUE_INDEX.name, PRIORITY_INDEX.name)


@pytest.fixture(scope="module", params=["late", "fresh"])
def filled(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """A table full of what was delivered, in which two targets were just given much to do.

    What the database knows of the table is from before that, or from right now.
    """
    if request.param == "fresh" and connection.vendor == "sqlite":
        pytest.skip("projects on SQLite gather no statistics")
    with django_db_blocker.unblock():
        fill_tables(analyzed_last=request.param == "fresh")
        yield
        empty_tables()
        analyze()


def fill_tables(*, analyzed_last: bool) -> None:
    user = get_user_model().objects.create_user(username="egg")
    records = {}
    for name, share in SHARES.items():
        target = NotificationTarget.objects.create(name=name, notification_module_name=name)
        records[name] = TargetUserRecord.objects.create(
            user=user, target=target, target_user_id=name, description=name
        )
        fill(records[name], Notification.DELIVERED, share.delivered)
    for name in ("quiet", "busy"):
        for status in Notification.PENDING_STATUSES:
            fill(records[name], status, SHARES[name].due)
        if name == "quiet" or analyzed_last:
            analyze()


def empty_tables() -> None:
    Notification.objects.all()._raw_delete("default")
    get_user_model().objects.all().delete()
    NotificationTarget.objects.filter(name__in=SHARES).delete()


@pytest.fixture
def targets(filled: None, db: None) -> dict[str, NotificationTarget]:
    """The two targets; what a test does to their notifications is taken back."""
    return {name: NotificationTarget.objects.get(name=name) for name in SHARES}


def fill(record: TargetUserRecord, status: str, number: int, priority: int = 0) -> None:
    ended = status == Notification.DELIVERED
    # What was delivered is older than what is due: who reads by the moment alone, reads it first.
    first = timezone.now() - (timedelta(days=30) if ended else timedelta(hours=2))
    first += priority * timedelta(seconds=EngineSettings.priority_aging)  # all of one rank
    original = Notification.objects.create(
        target_user_record=record,
        title="Breakfast",
        body="The eggs are ready.",
        status=status,
        scheduled_delivery=first,
        priority=priority,
        attempted_delivery=None if status == Notification.SCHEDULED else first,
    )
    multiply([original.pk], number - 1)


@pytest.mark.parametrize("name", SHARES)
def test_a_claim_reads_of_the_due_index_what_it_claims(
    name: str, targets: dict[str, NotificationTarget]
) -> None:
    claim = claiming(targets[name])
    claim()
    plans = [plan_of(statement) for statement in statements_of(claim)]
    assert_what_is_due_is_found_in_the_due_index(plans)
    for plan in plans:
        assert_little_is_read(plan)
        assert_little_is_sorted(plan)


def test_a_look_for_what_is_due_reads_little(targets: dict[str, NotificationTarget]) -> None:
    now = timezone.now()
    every = list(targets.values())
    for look in (
        lambda: targets_with_due(every, now, using="default"),
        lambda: targets_with_due(every, now - timedelta(days=90), using="default"),
        lambda: next_due_after(now, now + timedelta(minutes=1), every, using="default"),
        lambda: Levels(targets["busy"], using="default").find(),
        lambda: has_stopped_with("Correct the key.", targets["busy"], using="default"),
    ):
        for statement in statements_of(look):
            assert_little_is_read(plan_of(statement))


def test_a_claim_by_priority_reads_little(targets: dict[str, NotificationTarget]) -> None:
    record = TargetUserRecord.objects.get(target=targets["busy"])
    for priority in PRIORITIES:
        fill(record, Notification.SCHEDULED, 2_000, priority)
    claim = claiming(targets["busy"])
    claim()
    plans = [plan_of(statement) for statement in statements_of(claim)]
    claimed = Notification.objects.filter(claim_token__isnull=False)
    assert set(claimed.values_list("priority", flat=True)) == {0, *PRIORITIES}
    assert any(access.index == PRIORITY_INDEX.name for plan in plans for access in plan.accesses)
    for plan in plans:
        assert_little_is_read(plan)
        assert_little_is_sorted(plan)


def claiming(target: NotificationTarget) -> Callable[[], Any]:
    levels = Levels(target, using="default")

    def claim() -> None:
        claimed = take(
            Due(target=target, due_by=timezone.now(), using="default"),
            BATCH,
            lease_seconds=300,
            levels=levels,
        )
        assert len(claimed.notifications) == BATCH

    return claim


@pytest.fixture(params=["late", "fresh"])
def filled_anew(request: pytest.FixtureRequest, transactional_db: None) -> None:
    """As ``filled``, for one test whose threads see nothing of what is not committed."""
    if request.param == "fresh" and connection.vendor == "sqlite":
        pytest.skip("projects on SQLite gather no statistics")
    empty_tables()  # the module's own fixture may still be there
    fill_tables(analyzed_last=request.param == "fresh")


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_handing_over_reads_what_it_claims_and_then_by_keys(
    filled_anew: None, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": BATCH, "IN_FLIGHT": 2}
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    NotificationTarget.objects.filter(name="quiet").update(notification_module_name="freely")
    batches: list[BatchMessage] = []

    def claim() -> None:
        batches.extend(claim_batches(["quiet"]))

    plans = plans_of_notifications(claim)
    assert [batch.size for batch in batches] == [BATCH, BATCH]
    assert_what_is_due_is_found_in_the_due_index(plans)
    batch, other = batches
    keys = [uuid.UUID(key) for key in other.keys]

    def deliver() -> None:
        assert deliver_batch(batch).statuses == {"DELIVERED": BATCH}
        assert give_back(other) == BATCH
        [again] = claim_notifications(keys)
        assert again.size == BATCH

    for plan in [*plans, *plans_of_notifications(deliver)]:
        assert_little_is_read(plan)


def plans_of_notifications(operation: Callable[[], Any]) -> list[Plan]:
    return [plan_of(statement) for statement in statements_of(operation) if TABLE in statement]


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="It is an index of PostgreSQL's.")
def test_the_admins_index_does_not_serve_whoever_asks_for_the_oldest() -> None:
    """Else it would tempt every claim where much is due."""
    oldest, newest = (
        str(Notification.objects.order_by(order).values("body")[:1].query)
        for order in (
            "scheduled_delivery",
            ordering("scheduled_delivery", newest_first=True, using="default"),
        )
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert "notification_newest" not in explained(oldest)
        assert "notification_newest" in explained(newest)


def assert_what_is_due_is_found_in_the_due_index(plans: list[Plan]) -> None:
    found = [access for plan in plans for access in plan.accesses if access.index == DUE_INDEX.name]
    assert found, plans
    *looked_up, _moment = columns_of(DUE_INDEX)
    for access in found:
        if connection.vendor == "sqlite":
            assert list(access.terms) == looked_up
        if connection.vendor == "mysql":
            assert list(access.terms[: len(looked_up)]) == looked_up


def assert_little_is_read(plan: Plan) -> None:
    for access in plan.accesses:
        assert not (access.whole and access.table in (TABLE, "")), plan
        assert access.rows is None or access.rows <= MOST_ROWS, plan
        if connection.vendor == "sqlite" and access.table == TABLE:  # which counts no rows
            assert access.index in INDEXES or access.terms == ("id",), plan


def assert_little_is_sorted(plan: Plan) -> None:
    for rows in plan.sorted_rows:
        if rows is None:
            # SQLite does not tell how many; those that are read by their keys are few.
            assert all(access.index not in INDEXES for access in plan.accesses), plan
        else:
            assert rows <= MOST_ROWS, plan
