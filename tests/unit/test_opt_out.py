"""Opting out holds back what is to come, and opting in again lets it go."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.categories import Category, known_categories
from django_notification_system.exceptions import UserIsOptedOut
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    TargetUserRecord,
)
from django_notification_system.preferences import set_preference, suppress, unsuppress
from django_notification_system.utils import check_for_user_opt_out
from tests.conftest import MakeDue


class Statuses:
    """Makes a notification of each kind, and tells what has become of each."""

    def __init__(self, record: TargetUserRecord, make_due: MakeDue) -> None:
        now = timezone.now()
        later = now + timedelta(hours=1)
        self.made = {
            name: make_due(record, title=name, **fields).pk
            for name, fields in {
                "due": {},
                "to come": {"scheduled_delivery": later},
                "to be retried": {
                    "status": Notification.RETRY,
                    "attempted_delivery": now,
                    "retry_attempts": 1,
                    "scheduled_delivery": later,
                },
                "delivered": {"status": Notification.DELIVERED, "attempted_delivery": now},
                "failed": {"status": Notification.DELIVERY_FAILURE, "attempted_delivery": now},
                "inactive": {"status": Notification.INACTIVE_DEVICE, "scheduled_delivery": later},
            }.items()
        }

    def __call__(self) -> dict[str, str]:
        rows = dict(Notification.objects.values_list("pk", "status"))
        return {name: rows[pk] for name, pk in self.made.items()}


@pytest.fixture
def statuses(records: dict[str, TargetUserRecord], make_due: MakeDue) -> Statuses:
    return Statuses(records["Email"], make_due)


BEFORE = {
    "due": "SCHEDULED",
    "to come": "SCHEDULED",
    "to be retried": "RETRY",
    "delivered": "DELIVERED",
    "failed": "DELIVERY FAILURE",
    "inactive": "INACTIVE DEVICE",
}
OPTED_OUT = BEFORE | dict.fromkeys(["due", "to come", "to be retried"], "OPTED OUT")
OPTED_IN_AGAIN = BEFORE | {"due": "OPTED OUT"}


def test_opting_out_holds_back_what_is_not_delivered(user: Any, statuses: Statuses) -> None:
    NotificationOptOut.objects.create(user=user, active=True)
    assert statuses() == OPTED_OUT


def test_an_inactive_opt_out_holds_nothing_back(user: Any, statuses: Statuses) -> None:
    NotificationOptOut.objects.create(user=user, active=False)
    assert statuses() == BEFORE


@pytest.mark.parametrize("make", ["create", "get_or_create", "save"])
def test_a_new_opt_out_is_an_opt_out(user: Any, statuses: Statuses, make: str) -> None:
    if make == "save":
        NotificationOptOut(user=user).save()
    else:
        getattr(NotificationOptOut.objects, make)(user=user)
    assert NotificationOptOut.objects.get().active
    assert statuses() == OPTED_OUT


def test_what_a_bulk_write_opts_out_is_not_sent(
    user: Any, email: TargetUserRecord, make_due: MakeDue, process: Callable[..., str]
) -> None:
    notification = make_due(email)
    NotificationOptOut.objects.bulk_create([NotificationOptOut(user=user)])
    process()
    notification.refresh_from_db()
    assert notification.status == Notification.OPTED_OUT
    assert mail.outbox == []


def test_opting_in_again_restores_what_is_still_to_come(user: Any, statuses: Statuses) -> None:
    opt_out = NotificationOptOut.objects.create(user=user, active=True)
    opt_out.active = False
    opt_out.save()
    assert statuses() == OPTED_IN_AGAIN


def test_saving_again_changes_nothing_more(user: Any, statuses: Statuses) -> None:
    opt_out = NotificationOptOut.objects.create(user=user, active=True)
    opt_out.save()
    assert statuses() == OPTED_OUT
    opt_out.active = False
    opt_out.save()
    opt_out.save()
    assert statuses() == OPTED_IN_AGAIN


def test_deleting_the_opt_out_is_opting_in_again(user: Any, statuses: Statuses) -> None:
    opt_out = NotificationOptOut.objects.create(user=user, active=True)
    opt_out.delete()
    assert statuses() == OPTED_IN_AGAIN


def test_deleting_opt_outs_in_bulk_is_opting_in_again(user: Any, statuses: Statuses) -> None:
    NotificationOptOut.objects.create(user=user, active=True)
    deleted, _ = NotificationOptOut.objects.filter(user=user).delete()
    assert deleted == 1
    assert statuses() == OPTED_IN_AGAIN


def test_opting_in_restores_nothing_for_an_inactive_record(
    user: Any, records: dict[str, TargetUserRecord], statuses: Statuses
) -> None:
    opt_out = NotificationOptOut.objects.create(user=user, active=True)
    TargetUserRecord.objects.filter(pk=records["Email"].pk).update(active=False)
    opt_out.delete()
    assert statuses() == OPTED_OUT


def test_opting_out_touches_nobody_elses_notifications(
    statuses: Statuses, django_user_model: Any
) -> None:
    other = django_user_model.objects.create_user("bacon")
    NotificationOptOut.objects.create(user=other, active=True)
    assert statuses() == BEFORE


def test_deleting_opt_outs_restores_only_their_users(
    user: Any, statuses: Statuses, django_user_model: Any
) -> None:
    other = django_user_model.objects.create_user("bacon")
    NotificationOptOut.objects.create(user=user, active=True)
    NotificationOptOut.objects.create(user=other, active=True)
    NotificationOptOut.objects.filter(user=other).delete()
    assert statuses() == OPTED_OUT


def test_opting_out_by_update_or_create_counts_too(user: Any, statuses: Statuses) -> None:
    NotificationOptOut.objects.update_or_create(user=user, defaults={"active": True})
    assert statuses() == OPTED_OUT
    NotificationOptOut.objects.update_or_create(user=user, defaults={"active": False})
    assert statuses() == OPTED_IN_AGAIN


def test_when_a_notification_changed_is_remembered(
    user: Any, records: dict[str, TargetUserRecord], make_due: MakeDue
) -> None:
    notification = make_due(
        records["Email"], scheduled_delivery=timezone.now() + timedelta(hours=1)
    )
    long_ago = timezone.now() - timedelta(days=1)

    def changed() -> bool:
        notification.refresh_from_db()
        Notification.objects.update(modified_date=long_ago)
        return notification.modified_date > long_ago

    assert changed()
    assert not changed()
    opt_out = NotificationOptOut.objects.create(user=user, active=True)
    assert changed()
    opt_out.delete()
    assert changed()


class Refusal(Exception):
    """What a receiver raises in the middle."""


def test_opting_out_is_all_or_nothing(user: Any, statuses: Statuses) -> None:
    from django.db.models.signals import post_delete, post_save

    def refuse(**_: Any) -> None:
        raise Refusal

    opt_out = NotificationOptOut.objects.create(user=user, active=True)
    post_delete.connect(refuse, sender=NotificationOptOut)
    post_save.connect(refuse, sender=NotificationOptOut)
    try:
        with pytest.raises(Refusal):
            NotificationOptOut.objects.all().delete()
        opt_out.active = False
        with pytest.raises(Refusal):
            opt_out.save()
    finally:
        post_delete.disconnect(refuse, sender=NotificationOptOut)
        post_save.disconnect(refuse, sender=NotificationOptOut)
    assert NotificationOptOut.objects.get().active
    assert statuses() == OPTED_OUT


def test_a_deleted_user_takes_everything_along(user: Any, statuses: Statuses) -> None:
    NotificationOptOut.objects.create(user=user, active=True)
    user.delete()
    assert not NotificationOptOut.objects.exists()
    assert not Notification.objects.exists()


def test_its_name_is_the_users(user: Any) -> None:
    assert str(NotificationOptOut(user=user)) == "egg"


WAITING = {
    "postgresql": "SELECT COUNT(*) FROM pg_locks"
    " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))",
    "mysql": "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
}


@pytest.mark.skipif(connection.vendor == "sqlite", reason="It has one writer at a time.")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("opts_out", [True, False])
def test_an_opt_out_at_the_moment_of_a_delivery_leaves_it_delivered(
    user: Any, records: dict[str, TargetUserRecord], make_due: MakeDue, opts_out: bool
) -> None:
    opt_out = NotificationOptOut.objects.create(user=user, active=not opts_out)
    later = timezone.now() + timedelta(hours=1)
    status = Notification.SCHEDULED if opts_out else Notification.OPTED_OUT
    notification = make_due(records["Email"], status=status, scheduled_delivery=later)
    notification_of_another_run = Notification.objects.filter(pk=notification.pk)

    def change() -> None:
        try:
            NotificationOptOut.objects.get(pk=opt_out.pk).delete()
            NotificationOptOut.objects.create(user=user, active=opts_out)
        finally:
            connections.close_all()

    thread = threading.Thread(target=change)
    with transaction.atomic():
        notification_of_another_run.update(status="DELIVERED", attempted_delivery=timezone.now())
        thread.start()
        wait_until_somebody_waits(thread)
    thread.join()
    notification.refresh_from_db()
    assert notification.status == "DELIVERED"


def wait_until_somebody_waits(thread: threading.Thread) -> None:
    give_up_at = time.monotonic() + 20
    with connection.cursor() as cursor:
        number = 0
        while not number:
            assert thread.is_alive()
            assert time.monotonic() < give_up_at
            time.sleep(0.11)  # MariaDB refreshes that table where nobody has read it for 0.1 s
            cursor.execute(WAITING[connection.vendor])
            (number,) = cursor.fetchone()


def test_the_check_names_the_user_and_the_way_out(user: Any) -> None:
    NotificationOptOut.objects.create(user=user)
    with pytest.raises(UserIsOptedOut) as refused:
        check_for_user_opt_out(user)
    said = str(refused.value)
    assert said.startswith("User is opted out: 'egg' wants no notifications.")
    assert "delete the opt-out" in said


NEWS = Category("news", label="News")
ORDERS = Category("orders", label="Orders")


@pytest.fixture
def to_come(email: TargetUserRecord, make_due: MakeDue) -> Iterator[Callable[[str], Notification]]:
    def make(category: str) -> Notification:
        later = timezone.now() + timedelta(hours=1)
        return make_due(email, category=category, scheduled_delivery=later)

    with known_categories(NEWS, ORDERS):
        yield make


def fates(*made: Notification) -> list[tuple[str, str]]:
    rows = {row.pk: (row.status, row.response) for row in Notification.objects.all()}
    return [rows[notification.pk] for notification in made]


OUT = ("OPTED OUT", "Not sent: the user has opted out.")
OUT_OF_NEWS = ("OPTED OUT", "Not sent: the user has opted out of news.")


@pytest.mark.parametrize("lift", ["save", "delete", "delete by place", "queryset", "word"])
def test_opting_in_again_restores_nothing_that_a_no_or_a_suppression_forbids(
    user: Any, to_come: Callable[[str], Notification], lift: str
) -> None:
    before_the_opt_out, orders, plain = map(to_come, ("news", "orders", ""))
    set_preference(user, "news", wanted=False, how="page")
    NotificationOptOut.objects.create(user=user)
    assert fates(before_the_opt_out, orders, plain) == [OUT_OF_NEWS, OUT, OUT]
    during_the_opt_out = to_come("news")
    opt_out = NotificationOptOut.objects.get()
    opt_out.save()
    suppress("email", "eggs@example.com", reason="unsubscribed", category="orders")

    if lift == "save":
        opt_out.active = False
        opt_out.save()
    elif lift == "delete":
        opt_out.delete()
    elif lift == "delete by place":
        opt_out._state.db = "nowhere"
        opt_out.delete("default")
    elif lift == "queryset":
        NotificationOptOut.objects.all().delete()
    else:
        set_preference(user, wanted=True, how="page")
    assert fates(before_the_opt_out, during_the_opt_out) == [OUT_OF_NEWS, OUT]
    assert fates(orders, plain) == [OUT, ("SCHEDULED", "")]

    unsuppress("email", "eggs@example.com", category="orders")
    set_preference(user, "news", wanted=True, how="page")
    assert fates(before_the_opt_out, during_the_opt_out) == [("SCHEDULED", "")] * 2


def test_opting_in_again_takes_few_queries(
    user: Any, to_come: Callable[[str], Notification]
) -> None:
    def queries() -> int:
        opt_out = NotificationOptOut.objects.create(user=user)
        with CaptureQueriesContext(connection) as asked:
            opt_out.delete()
        return len(asked)

    to_come("news")
    for_one = queries()
    for category in ("news", "orders", "news", "") * 5:
        to_come(category)
    assert queries() == for_one
