"""Records without a user go through all of the package as the others do."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from django_notification_system.email_records import EmailRecords
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.testing import Outbox, assert_not_notified, assert_notified
from tests.conftest import MakeDue
from tests.support.handlers import freely, old

pytestmark = pytest.mark.django_db


def record_of(address: str, target: str = "Email", **fields: Any) -> TargetUserRecord:
    values = {"target": NotificationTarget.objects.get(name=target), "description": "Guest"}
    return TargetUserRecord.objects.create(target_user_id=address, **{**values, **fields})


@pytest.fixture
def guest() -> TargetUserRecord:
    """Ann, who has no account."""
    return record_of("ann@example.com")


def run(**options: Any) -> str:
    printed = StringIO()
    call_command("process_notifications", stdout=printed, stderr=printed, **options)
    return printed.getvalue()


def test_run_delivers_and_names_the_address(guest: TargetUserRecord, make_due: MakeDue) -> None:
    notification = make_due(guest, title="Welcome", body="Hello, Ann.")
    printed = run()
    [message] = mail.outbox
    assert (message.to, message.body) == (["ann@example.com"], "Hello, Ann.")
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert printed.startswith("ann@example.com - ")
    assert str(notification).startswith("ann@example.com - DELIVERED")
    assert str(guest) == "ann@example.com: Guest"


@pytest.mark.parametrize("options", [{"dry_run": True}, {"format": "json"}, {"verbosity": 3}])
def test_every_output_knows_an_address_without_a_user(
    options: dict[str, Any], guest: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(guest)
    assert (str(notification.pk) if "format" in options else "ann@example.com") in run(**options)
    call_command("notification_status", stdout=StringIO())


def test_template_of_a_mail_renders_without_a_user(
    guest: TargetUserRecord, make_due: MakeDue, settings: Any, tmp_path: Any
) -> None:
    (tmp_path / "greeting.txt").write_text("Hello {{ user.first_name }}{{ notification.title }}")
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [str(tmp_path)]}]
    make_due(guest, title="you", body="", extra={"template_name": "greeting.txt"})
    run()
    assert mail.outbox[0].body == "Hello you"


def test_queries_keep_rows_without_a_user(
    guest: TargetUserRecord, email: TargetUserRecord, make_due: MakeDue
) -> None:
    both = {make_due(guest).pk, make_due(email).pk}
    for rows in (
        Notification.objects.deliverable(),
        Notification.objects.due().for_delivery(),
        Notification.objects.select_related("target_user_record__user"),
    ):
        assert {row.pk for row in rows} == both


def test_inactive_record_without_a_user_gets_nothing(
    guest: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(guest)
    TargetUserRecord.objects.update(active=False)
    run()
    notification.refresh_from_db()
    assert notification.status == Notification.INACTIVE_DEVICE
    assert mail.outbox == []


def test_opt_out_of_a_user_leaves_the_same_address_without_a_user_alone(
    user: Any, make_due: MakeDue
) -> None:
    """An address that is given explicitly is written to."""
    notification = make_due(record_of(user.email))
    NotificationOptOut.objects.create(user=user)
    notification.refresh_from_db()
    assert notification.status == Notification.SCHEDULED
    run()
    assert [message.to for message in mail.outbox] == [[user.email]]


@pytest.mark.parametrize(
    "spelling",
    ["ann@example.com", " Ann@Example.COM\u200b", "ann@example.com.", "Ann Lee <ann@example.com>"],
)
def test_address_without_a_user_is_there_once(spelling: str, guest: TargetUserRecord) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        record_of(spelling)
    with pytest.raises(ValidationError, match="exists already"):
        TargetUserRecord(
            target=guest.target, target_user_id=spelling, description="Guest"
        ).full_clean()
    [kept] = TargetUserRecord.objects.bulk_create(
        [TargetUserRecord(target=guest.target, target_user_id=spelling, description="-")],
        ignore_conflicts=True,
    )
    assert not TargetUserRecord.objects.filter(pk=kept.pk).exists()


def test_addresses_that_are_no_mailboxes_differ_by_case(guest: TargetUserRecord) -> None:
    record_of("ExponentPushToken[abc]", "Expo")
    record_of("ExponentPushToken[ABC]", "Expo")
    record_of("ann@example.com", "Expo")
    assert TargetUserRecord.objects.filter(user=None).count() == 4


def test_digest_follows_every_save(guest: TargetUserRecord, user: Any) -> None:
    first = guest.digest
    guest.target_user_id = "bea@example.com"
    guest.save(update_fields=["target_user_id"])
    guest.refresh_from_db()
    assert guest.digest not in (None, first)
    guest.user = user
    guest.save(update_fields=["user"])
    guest.refresh_from_db()
    assert guest.digest is None
    guest.full_clean()
    guest.user = None
    guest.save()
    guest.full_clean()
    record_of("ann@example.com", user=user)
    record_of("ann@example.com")


def test_users_records_are_unique_as_before(email: TargetUserRecord) -> None:
    assert email.digest is None
    with pytest.raises(IntegrityError), transaction.atomic():
        record_of(email.target_user_id, user=email.user)
    record_of(email.target_user_id)


def test_user_with_the_address_does_not_adopt_the_record(
    guest: TargetUserRecord, django_user_model: Any
) -> None:
    user = django_user_model.objects.create_user("ann", email="ann@example.com")
    for _ in range(2):
        list(EmailRecords().update(batch_size=10))
    guest.refresh_from_db()
    assert (guest.user, guest.description) == (None, "Guest")
    [own] = TargetUserRecord.objects.filter(user=user)
    assert (own.target_user_id, own.digest) == ("ann@example.com", None)
    user.delete()
    guest.refresh_from_db()


Sender = Callable[[Notification], Any]


def reads_username(notification: Notification) -> str:
    return str(notification.target_user_record.user.get_username())  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["old", "freely", "one in a batch"])
def test_handler_that_assumes_a_user_gets_a_clear_report(
    kind: str, user: Any, settings: Any, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    name = "old" if kind == "old" else "freely"
    NotificationTarget.objects.create(name="Own", notification_module_name=name)

    def deliver(notifications: Any) -> Any:
        from django_notification_system.outcome import Outcome

        for notification in notifications:
            yield Outcome.delivered(notification, reads_username(notification))

    monkeypatch.setattr(old, "behave", reads_username)
    monkeypatch.setattr(freely, "behave", deliver)
    notification = make_due(record_of("north tower", "Own"))
    if kind == "one in a batch":
        make_due(record_of("east tower", "Own", user=user))
    run()
    notification.refresh_from_db()
    assert f"{name}" in notification.response
    assert "reads 'get_username' of the user, and the address has no account" in (
        notification.response
    )
    assert "target_user_id" in notification.response
    assert notification.status == Notification.RETRY


def test_other_attribute_errors_stay_as_they_are(
    guest: TargetUserRecord, settings: Any, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    NotificationTarget.objects.create(name="Own", notification_module_name="old")
    monkeypatch.setattr(old, "behave", lambda notification: notification.email)  # as users have
    notification = make_due(record_of("north tower", "Own"))
    run()
    notification.refresh_from_db()
    assert notification.response.startswith("AttributeError: 'Notification' object has no")


def test_outbox_has_the_message_and_others_see_it(
    guest: TargetUserRecord, user: Any, make_due: MakeDue, notification_outbox: Outbox
) -> None:
    make_due(guest, title="Welcome")
    notification_outbox.deliver()
    [message] = notification_outbox
    assert (message.user, message.recipient) == (None, "ann@example.com")
    with pytest.raises(AssertionError, match=r"Went out to others:\n  Email to ann@example.com"):
        assert_notified(user)


def test_assertions_take_an_address(
    guest: TargetUserRecord, user: Any, make_due: MakeDue, notification_outbox: Outbox
) -> None:
    assert_not_notified("ann@example.com")
    make_due(guest, title="Welcome")
    with pytest.raises(AssertionError, match=r"ann@example\.com was not notified") as raised:
        assert_notified("ann@example.com")
    assert "Email to ann@example.com: 'Welcome' is SCHEDULED" in str(raised.value)
    assert "ann@example.com can be reached at:\n  Email: ann@example.com" in str(raised.value)
    notification_outbox.deliver()
    [message] = assert_notified("Ann@Example.com", title="Welcome", count=1)
    assert message.recipient == "ann@example.com"
    with pytest.raises(AssertionError, match=r"bea@example\.com was not"):
        assert_notified("bea@example.com")
    assert_not_notified(user)


def test_address_of_a_user_is_not_taken_for_an_address_without(
    email: TargetUserRecord, make_due: MakeDue, notification_outbox: Outbox
) -> None:
    make_due(email)
    notification_outbox.deliver()
    assert_notified(email.user)
    assert_not_notified(email.target_user_id)


def test_purge_deletes_notifications_of_records_without_a_user(
    guest: TargetUserRecord, make_due: MakeDue
) -> None:
    long_ago = timezone.now() - timedelta(days=100)
    make_due(guest, status=Notification.CANCELLED, scheduled_delivery=long_ago)
    call_command("purge_notifications", "--older-than=90d", stdout=StringIO())
    assert not Notification.objects.exists()
