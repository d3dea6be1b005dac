"""Records that another connection deletes while a call makes notifications for many people."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.db import DataError, OperationalError, transaction
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.draft import Draft
from django_notification_system.mail import QueueBackend
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.notification_creators import bulk, create, queue_mail, queue_records
from django_notification_system.notification_creators.recipient import Recipient
from django_notification_system.notification_creators.wanted import Wanted
from tests.settings import TEST_DATABASE
from tests.support.elsewhere import elsewhere, no_threads
from tests.support.runs import in_real_transactions


def made_records(number: int) -> list[TargetUserRecord]:
    target = NotificationTarget.objects.get(name="Email")
    return [
        TargetUserRecord.objects.create(
            user=get_user_model().objects.create_user(username=f"user-{index}"),
            target=target,
            target_user_id=f"user-{index}@example.com",
            description="-",
        )
        for index in range(number)
    ]


def is_locked(record_id: Any) -> bool:
    """Tell whether a record's row cannot be deleted now."""
    locked = []

    def try_lock() -> None:
        rows = TargetUserRecord.objects.select_for_update(nowait=True)
        try:
            with transaction.atomic():
                rows.get(pk=record_id)
        except OperationalError:
            locked.append(True)

    elsewhere(try_lock)
    return bool(locked)


@no_threads
@in_real_transactions
@pytest.mark.parametrize("gone", ["record", "user"])
def test_everybody_else_is_notified_when_a_record_is_deleted_meanwhile(
    gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = made_records(3)
    among = Wanted.among

    def deleted_before(wanted: Wanted, records: Any) -> Any:
        found = list(records)
        assert len(found) == 3
        elsewhere(second.user.delete if gone == "user" else second.delete)
        return among(wanted, found)

    monkeypatch.setattr(Wanted, "among", deleted_before)
    made = notify([first.user, second.user, third.user], "News", "-")
    rows = Notification.objects.values_list("target_user_record", flat=True)
    assert set(rows) == {first.pk, third.pk}
    assert made == 2


@no_threads
@in_real_transactions
def test_nobody_deletes_a_record_between_the_insert_and_the_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = made_records(2)
    insert = create.insert_notifications
    locked = []

    def asked_before(*args: Any, **kwargs: Any) -> Any:
        locked.append((is_locked(first.pk), is_locked(second.pk)))
        return insert(*args, **kwargs)

    monkeypatch.setattr(create, "insert_notifications", asked_before)
    assert notify([first.user, second.user], "News", "-") == 2
    assert locked == [(True, True)]


@no_threads
@in_real_transactions
def test_nobody_deletes_the_record_of_a_mail_that_is_being_queued(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection = QueueBackend()

    def send() -> None:
        connection.send_messages(
            [EmailMessage("Hello", "-", "shop@example.com", [to]) for to in ("a@b.example", "c@d")]
        )

    send()
    insert = queue_mail._insert
    locked = []

    def asked_before(mails: Any, target_id: Any, records: Any, **kwargs: Any) -> None:
        locked.extend(is_locked(pk) for pk in records.values())
        insert(mails, target_id, records, **kwargs)

    monkeypatch.setattr(queue_mail, "_insert", asked_before)
    send()
    assert locked == [True, True]
    assert Notification.objects.count() == 4


@no_threads
@in_real_transactions
def test_record_of_a_queued_mail_that_is_deleted_meanwhile_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection = QueueBackend()
    mails = [EmailMessage("Hello", "-", "shop@example.com", [to]) for to in ("a@b.example", "c@d")]
    connection.send_messages(mails)
    Notification.objects.all().delete()
    read = queue_records._read
    gone: list[bool] = []

    def deleted_before(*args: Any, lock: bool, **kwargs: Any) -> Any:
        if lock and not gone:
            gone.append(True)
            elsewhere(TargetUserRecord.objects.filter(target_user_id="c@d").delete)
        return read(*args, lock=lock, **kwargs)

    monkeypatch.setattr(queue_records, "_read", deleted_before)
    connection.send_messages(mails)
    assert gone
    assert Notification.objects.count() == TargetUserRecord.objects.count() == 2


# Values that a column cannot hold are an error on every database, and never cut.

too_long = pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="SQLite takes longer values")


@too_long
@pytest.mark.django_db
def test_notification_with_a_value_that_is_too_long_is_no_shortened_notification(
    email: TargetUserRecord,
) -> None:
    draft = Draft(title="News", body="-", extra={}, category="c" * 300)
    with pytest.raises(DataError), transaction.atomic():
        bulk.insert_notifications(
            [Recipient(email.pk, email.target_id, draft)],
            timezone.now(),
            using="default",
            intervals={},
        )
    assert not Notification.objects.exists()


@too_long
@pytest.mark.django_db
def test_suppression_with_a_value_that_is_too_long_is_no_other_suppression() -> None:
    from django_notification_system.operations.suppressions_csv import SuppressionImport

    row = Suppression(target_key="email", address_hash="a" * 64, category="c" * 300)
    row.reason = Suppression.Reason.MANUAL
    importing = SuppressionImport(using="default")
    with pytest.raises(DataError), transaction.atomic():
        importing._write({("email", "a" * 64, row.category): row})
    assert not Suppression.objects.exists()
