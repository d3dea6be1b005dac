"""Cancelling and rescheduling in code, by key and by queryset, beside any number of runs."""

import threading
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connections, transaction
from django.utils import timezone

from django_notification_system import cancel, notify, notify_addresses, reschedule
from django_notification_system.delivery.runs.run import Run
from django_notification_system.exceptions import InvalidNotification
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    TargetUserRecord,
    changes,
)
from django_notification_system.models.expressions import DatabaseNow
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.many_notifications import analyze, multiply
from tests.support.plans import plan_of, statements_of
from tests.support.runs import in_real_transactions

pytestmark = pytest.mark.django_db

TOMORROW = timezone.now() + timedelta(days=1)
LATER = timezone.now() + timedelta(days=2)


@pytest.fixture
def email(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    """Eggs Benedict's only record."""
    TargetUserRecord.objects.exclude(pk=records["Email"].pk).delete()
    return records["Email"]


def remind(user: Any, key: str = "trial", **arguments: Any) -> Any:
    return notify(
        user,
        "Your trial ends",
        "Soon.",
        idempotency_key=key,
        **{"scheduled_delivery": TOMORROW, **arguments},
    )


def statuses() -> Counter[str]:
    return Counter(Notification.objects.values_list("status", flat=True))


def moments() -> set[datetime]:
    return set(Notification.objects.values_list("scheduled_delivery", flat=True))


def run_as_if_due() -> None:
    Notification.objects.update(scheduled_delivery=timezone.now() - timedelta(minutes=1))
    list(Run())


def hold(rows: Any) -> None:
    """Claim rows, as a run does."""
    rows.update(claim_token=uuid.uuid4(), claimed_until=DatabaseNow() + timedelta(minutes=5))


# Cancel


def test_cancel_calls_off_what_waits_with_the_key(
    user: Any, records: Any, make_due: MakeDue
) -> None:
    assert remind(user) == 3
    remind(user, "other", target="Email")
    make_due(records["Email"])
    done = cancel("trial")
    assert (done.changed, done.on_their_way, done.left) == (3, 0, Counter())
    assert statuses() == {"CANCELLED": 3, "SCHEDULED": 2}
    run_as_if_due()
    assert len(mail.outbox) == 2
    assert remind(user) == 0  # the key stays
    assert cancel("trial").changed == 0


def test_cancel_includes_what_waits_for_a_retry(user: Any, email: Any) -> None:
    remind(user)
    Notification.objects.update(status="RETRY", attempted_delivery=timezone.now())
    assert cancel("trial").changed == 1


def test_what_has_ended_stays(user: Any, records: Any) -> None:
    remind(user)
    for status, record in zip(("DELIVERED", "EXPIRED", "OPTED OUT"), records.values(), strict=True):
        Notification.objects.filter(target_user_record=record).update(status=status)
    assert cancel("trial") == changes.Changed()
    assert statuses() == {"DELIVERED": 1, "EXPIRED": 1, "OPTED OUT": 1}


def test_what_a_run_holds_is_on_its_way(user: Any, records: Any) -> None:
    remind(user)
    hold(Notification.objects.filter(target_user_record=records["Email"]))
    done = cancel("trial")
    assert (done.changed, done.on_their_way) == (2, 1)
    moved = reschedule("trial", LATER)
    assert (moved.changed, moved.on_their_way) == (0, 1)
    [held] = Notification.objects.pending()
    assert (held.target_user_record, held.scheduled_delivery) == (records["Email"], TOMORROW)
    assert held.claim_token is not None


def test_run_that_has_lost_its_lease_does_not_undo_the_change(user: Any, email: Any) -> None:
    remind(user)
    hold(Notification.objects.all())
    Notification.objects.update(claimed_until=timezone.now() - timedelta(hours=1))
    assert cancel("trial").changed == 1
    [row] = Notification.objects.all()
    assert (row.claim_token, row.claimed_until) == (None, None)


@pytest.mark.parametrize("kind", ["user", "list", "queryset", "iterator"])
def test_users_may_be_named(kind: str, user: Any, email: Any, django_user_model: Any) -> None:
    other = django_user_model.objects.create_user("other")
    TargetUserRecord.objects.create(
        user=other, target=email.target, target_user_id="other@example.com", description="-"
    )
    chosen: Any = {
        "user": user,
        "list": [user],
        "queryset": django_user_model.objects.filter(pk=user.pk),
    }.get(kind)
    remind([user, other])
    notify_addresses(
        "ann@example.com",
        "Your trial ends",
        "-",
        target="Email",
        idempotency_key="trial",
        scheduled_delivery=TOMORROW,
    )
    assert reschedule("trial", LATER, iter([user]) if kind == "iterator" else chosen).changed == 1
    assert cancel("trial", iter([user]) if kind == "iterator" else chosen).changed == 1
    [cancelled] = Notification.objects.filter(status="CANCELLED")
    assert cancelled.target_user_record.user == user
    assert cancelled.scheduled_delivery == LATER
    assert cancel("trial", []).changed == 0
    assert cancel("trial").changed == 2  # everybody, Ann without an account too


@pytest.mark.parametrize("key", ["TRIAL", "trial ", "trial\t", "triäl", "", None, 5, "x" * 201])
def test_another_key_is_another_key(key: Any, user: Any, email: Any) -> None:
    """MariaDB's collations ignore case and blanks."""
    remind(user)
    if not key or not isinstance(key, str) or len(key) > 200:
        with pytest.raises(InvalidNotification, match="idempotency_key"):
            cancel(key)
        with pytest.raises(InvalidNotification, match="idempotency_key"):
            reschedule(key, LATER)
    else:
        assert cancel(key).changed == 0
        assert reschedule(key, LATER).changed == 0
    assert statuses() == {"SCHEDULED": 1}


@pytest.mark.parametrize("users", [5, "ann", [None]])
def test_who_is_no_user_is_refused(users: Any, user: Any, email: Any) -> None:
    remind(user)
    with pytest.raises(InvalidNotification, match="users must be a User"):
        cancel("trial", users)


def test_many_are_changed_in_portions(
    user: Any, records: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "CHANGED_AT_ONCE", 2)
    remind(user)
    assert cancel("trial").changed == 3


def test_the_callers_transaction_takes_all_back(user: Any, email: Any) -> None:
    remind(user)
    with transaction.atomic():
        assert cancel("trial").changed == 1
        transaction.set_rollback(True)
    assert statuses() == {"SCHEDULED": 1}


# Reschedule


def test_reschedule_moves_what_waits_and_keeps_the_key(user: Any, email: Any) -> None:
    remind(user)
    [before] = Notification.objects.all()
    assert reschedule("trial", LATER).changed == 1
    [after] = Notification.objects.all()
    assert (after.scheduled_delivery, after.status) == (LATER, "SCHEDULED")
    assert (after.digest, after.idempotency_key) == (before.digest, "trial")
    assert remind(user) == remind(user, scheduled_delivery=LATER) == 0
    list(Run())
    assert mail.outbox == []
    assert reschedule("trial", timezone.now() - timedelta(days=1)).changed == 1
    list(Run())
    assert len(mail.outbox) == 1


def test_reschedule_keeps_failed_attempts_counted(user: Any, email: Any) -> None:
    remind(user)
    Notification.objects.update(status="RETRY", retry_attempts=2, attempted_delivery=timezone.now())
    assert reschedule("trial", LATER).changed == 1
    [row] = Notification.objects.all()
    assert (row.status, row.retry_attempts, row.scheduled_delivery) == ("RETRY", 2, LATER)


def test_reschedule_beyond_an_expiry_is_refused_and_moves_nothing(user: Any, records: Any) -> None:
    remind(user, expires_at=LATER)
    Notification.objects.exclude(target_user_record=records["Email"]).update(expires_at=None)
    for moment in (LATER, LATER + timedelta(days=1)):
        with pytest.raises(InvalidNotification, match="'Your trial ends' expires at") as raised:
            reschedule("trial", moment)
        assert raised.value.argument == "moment"
    assert moments() == {TOMORROW}
    assert reschedule("trial", LATER - timedelta(seconds=1)).changed == 3


def test_reschedule_moves_the_expiry_too(user: Any, records: Any) -> None:
    remind(user, expires_at=LATER)
    end = LATER + timedelta(days=2)
    with pytest.raises(InvalidNotification, match=r"expires_at is .*, and it is not due before"):
        reschedule("trial", end, expires_at=LATER)
    TargetUserRecord.objects.filter(pk=records["Email"].pk).update(active=False)
    moved = reschedule("trial", LATER + timedelta(days=1), expires_at=end)
    assert (moved.changed, moved.left) == (2, Counter(inactive=1))
    assert sorted(Notification.objects.values_list("expires_at", flat=True)) == [LATER, end, end]


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (None, "use cancel"),
        ("tomorrow", "moment must be a datetime, not str"),
        (datetime(2030, 1, 1), "moment has no time zone"),  # noqa: DTZ001
        (datetime(9999, 12, 31, tzinfo=UTC), "out of range"),
    ],
)
def test_what_is_no_moment_is_refused(moment: Any, said: str, user: Any, email: Any) -> None:
    remind(user)
    with pytest.raises(InvalidNotification, match=said):
        reschedule("trial", moment)


def test_reschedule_leaves_those_who_must_not_be_sent_to(user: Any, records: Any) -> None:
    remind(user)
    TargetUserRecord.objects.filter(pk=records["Email"].pk).update(active=False)
    moved = reschedule("trial", LATER)
    assert (moved.changed, moved.left) == (2, Counter(inactive=1))
    NotificationOptOut.objects.bulk_create([NotificationOptOut(user=user)])
    moved = reschedule("trial", LATER)
    assert (moved.changed, moved.left) == (0, Counter({"opted out": 3}))
    assert cancel("trial").changed == 3


# Querysets


def test_queryset_cancels_what_waits_among_its_rows(records: Any, make_due: MakeDue) -> None:
    for record in records.values():
        make_due(record)
    hold(Notification.objects.filter(target_user_record=records["Expo"]))
    rows = Notification.objects.filter(user_target__user=records["Email"].user)
    done = rows.cancel()
    assert (done.changed, done.on_their_way) == (2, 1)
    again = rows.cancel()
    assert (again.changed, again.left) == (0, Counter({"CANCELLED": 2, "claimed": 1}))


def test_sliced_and_ordered_querysets_cancel(records: Any, make_due: MakeDue) -> None:
    for record in records.values():
        make_due(record)
    assert Notification.objects.order_by("title", "pk")[:2].cancel().changed == 2
    assert Notification.objects.none().cancel().changed == 0
    assert statuses() == {"CANCELLED": 2, "SCHEDULED": 1}


def test_manager_and_templates_cancel_nothing() -> None:
    assert not hasattr(Notification.objects, "cancel")
    assert Notification.objects.all().cancel.alters_data  # type: ignore[attr-defined] # Django's


# At once


@in_real_transactions
@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="SQLite locks the database, not the row.")
@pytest.mark.parametrize("change", ["cancel", "reschedule", "queryset"])
def test_claim_that_is_being_made_is_waited_for(change: str, user: Any, email: Any) -> None:
    remind(user)
    done: list[changes.Changed] = []
    started = threading.Event()

    def call() -> None:
        started.set()
        try:
            if change == "cancel":
                done.append(cancel("trial"))
            elif change == "reschedule":
                done.append(reschedule("trial", LATER))
            else:
                done.append(Notification.objects.filter(title="Your trial ends").cancel())
        finally:
            connections.close_all()

    thread = threading.Thread(target=call)
    with transaction.atomic():
        hold(Notification.objects.all())
        thread.start()
        started.wait()
        thread.join(0.5)
        assert thread.is_alive()  # it waits for the row
    thread.join(120)
    assert [(each.changed, each.on_their_way) for each in done] == [(0, 1)]
    [row] = Notification.objects.all()
    assert (row.status, row.scheduled_delivery) == ("SCHEDULED", TOMORROW)
    assert row.claim_token is not None


@in_real_transactions
@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="threads share no database in memory")
@pytest.mark.parametrize("attempt", range(2))
def test_each_is_sent_or_cancelled_and_none_is_both(attempt: int, email: Any) -> None:
    number = 60
    for index in range(number):
        Notification.objects.create(
            target_user_record=email,
            title=f"{index}",
            body="-",
            scheduled_delivery=timezone.now() - timedelta(minutes=1),
            idempotency_key=f"key-{index}",
        )
    cancelled: list[int] = []
    go = threading.Event()

    def cancel_all() -> None:
        go.wait()
        try:
            for index in reversed(range(number)):
                cancelled.append(cancel(f"key-{index}").changed)
        finally:
            connections.close_all()

    thread = threading.Thread(target=cancel_all)
    thread.start()
    go.set()
    list(Run())
    thread.join(120)
    assert len(mail.outbox) + sum(cancelled) == number
    assert statuses() == Counter({"DELIVERED": len(mail.outbox), "CANCELLED": sum(cancelled)})


# The index


@in_real_transactions  # MariaDB commits before it analyzes
def test_key_is_found_by_its_index(user: Any, email: Any) -> None:
    notification = Notification.objects.create(
        target_user_record=email, title="Old", scheduled_delivery=timezone.now()
    )
    multiply([notification.pk], 2_000)
    for index in range(50):
        remind(user, f"trial-{index}")
    analyze()
    first, *_rest = [
        statement
        for statement in statements_of(lambda: cancel("trial-7"))
        if statement.startswith("SELECT")
    ]
    [access] = plan_of(first).accesses
    assert access.index == "notification_key_waiting"
    assert not access.whole
