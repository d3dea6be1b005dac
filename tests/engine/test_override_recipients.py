"""``OVERRIDE_RECIPIENTS``: a site for trials cannot write to real people, whatever sends."""

import io
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_notification_system.delivery.handlers.redirect import redirected
from django_notification_system.delivery.receipts.record import record_receipts
from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers import email as email_handler
from django_notification_system.notification_handlers.base import Outcome
from django_notification_system.notification_handlers.twilio import sending as twilio_handler
from django_notification_system.outcome import Receipt, ReceiptResult
from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import ADDRESSES, MakeDue
from tests.support.handlers import freely, old
from tests.support.handlers import loft as loft_handler

Records = dict[str, TargetUserRecord]
STAGING = "staging@example.com"
REAL = "eggs@example.com"


def override(settings: Any, **addresses: str) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": addresses}


@pytest.fixture
def staging(settings: Any) -> None:
    override(settings, email=STAGING, loft="test tower", old="test tower", freely="test tower")


@pytest.fixture(autouse=True)
def no_record_changes(db: None) -> Iterator[None]:
    yield
    for record in TargetUserRecord.objects.select_related("target"):
        expected = ADDRESSES.get(record.target.name, "north tower")
        assert (record.target_user_id, record.active) == (expected, True)


@pytest.fixture
def make_record(user: Any, settings: Any) -> Callable[[str], TargetUserRecord]:
    """A function that makes Eggs Benedict's record in a target with a handler of the tests'."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]

    def make(module_name: str) -> TargetUserRecord:
        target = NotificationTarget.objects.create(
            name=module_name.title(), notification_module_name=module_name
        )
        return TargetUserRecord.objects.create(
            user=user, target=target, target_user_id="north tower", description="A loft"
        )

    return make


def process(*arguments: str, **options: Any) -> tuple[str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    call_command("process_notifications", *arguments, stdout=stdout, stderr=stderr, **options)
    return stdout.getvalue(), stderr.getvalue()


EXTRA = {
    "cc": ["cook@example.com"],
    "bcc": "boss@example.com",
    "reply_to": "orders@example.com",
    "headers": {"To": "everybody@example.com", "Resent-Cc": REAL, "X-Order": "1021"},
}


def test_a_mail_goes_to_the_other_address_and_says_whom_it_was_for(
    staging: None, email: TargetUserRecord, make_due: MakeDue, mail_server: SmtpStandIn
) -> None:
    notification = make_due(email, extra=EXTRA)
    process()
    [mail] = mail_server.received
    assert mail.envelope_to == [STAGING]
    assert mail["To"] == STAGING
    assert mail["X-Original-To"] == REAL
    assert (mail["Cc"], mail["Resent-Cc"], mail["X-Order"]) == (None, None, "1021")
    assert mail["Reply-To"] is None
    assert mail.raw.count(REAL.encode()) == 1
    notification.refresh_from_db()
    assert (notification.status, notification.extra) == ("DELIVERED", EXTRA)


@pytest.mark.parametrize(
    "name",
    [
        "Disposition-Notification-To",
        "Return-Receipt-To",
        "X-Confirm-Reading-To",
        "Errors-To",
        "Reply-To",
        "reply-to ",
        "Mail-Followup-To",
        "From",
        "Sender",
        "Resent-From",
        "Return-Path",
        "Original-Recipient",
        "X-Forwarded-For",
        "X-Envelope-To",
        "X-Customer",
        "List-Unsubscribe",
        "X-SMTPAPI",
    ],
)
@pytest.mark.parametrize("value", [REAL, f'{{"to": ["{REAL}"]}}', f"<mailto:{REAL}?subject=no>"])
def test_no_header_of_a_mail_names_people(
    name: str, value: str, email: TargetUserRecord, settings: Any
) -> None:
    override(settings, email=STAGING)
    notification = Notification(
        target_user_record=email, title="News", body="Text.", extra={"headers": {name: value}}
    )
    seen = []

    def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for each in notifications:
            seen.append(each.extra["headers"])
            yield Outcome.delivered(each, "Sent.")

    list(redirected(deliver, email.target)([notification]))
    assert seen == [{"X-Original-To": REAL}]


def test_headers_that_name_nobody_stay(
    staging: None, email: TargetUserRecord, make_due: MakeDue, mail_server: SmtpStandIn
) -> None:
    headers = {
        "In-Reply-To": "<order-1021@shop.example>",
        "References": "<order-1021@shop.example>",
        "List-Unsubscribe": "<https://www.example.com/unsubscribe/a1B2>",
        "X-Order": "1021",
    }
    make_due(email, extra={"headers": headers})
    process()
    [mail] = mail_server.received
    assert {name: mail[name] for name in headers} == headers


def test_send_notification_outside_a_run_keeps_to_it_too(
    staging: None, email: TargetUserRecord, make_due: MakeDue, mail_server: SmtpStandIn
) -> None:
    notification = make_due(email, extra=EXTRA)
    email_handler.send_notification(notification)
    assert [mail.envelope_to for mail in mail_server.received] == [[STAGING]]
    # The caller's own instances are as they were.
    assert notification.target_user_record is email
    assert (email.target_user_id, notification.extra) == (REAL, EXTRA)
    email.save()


def test_text_messages_and_pushes_go_elsewhere_too(
    records: Records, make_due: MakeDue, providers: ProviderStandIn, settings: Any
) -> None:
    override(settings, twilio_sms="+15005550010", expo="ExponentPushToken[staging]")
    make_due(records["Twilio"])
    make_due(records["Expo"])
    process()
    assert {message.to for message in providers.received} == {
        "+15005550010",
        "ExponentPushToken[staging]",
    }


def test_a_target_that_is_not_named_is_blocked_and_costs_no_attempt(
    staging: None, records: Records, make_due: MakeDue, providers: ProviderStandIn
) -> None:
    notification = make_due(records["Twilio"])
    _, errors = process("--target", "Twilio")
    assert "Target 'Twilio' is blocked: NOTIFICATION_SYSTEM['OVERRIDE_RECIPIENTS'] has no" in errors
    assert "'twilio_sms'" in errors
    with pytest.raises(TargetUnavailable, match="is blocked"):
        twilio_handler.send_notification(notification)
    assert providers.received == []
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)
    assert notification.claim_token is None


@pytest.mark.parametrize("addresses", ["staging@example.com", {"loft": ""}, {"loft": 5}, ["loft"]])
def test_a_setting_that_makes_no_sense_holds_all(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any, addresses: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": addresses}
    make_due(loft)
    assert "Target 'Loft' is blocked" in process()[1]
    assert loft_handler.flown == []


@pytest.mark.parametrize("addresses", [None, {}])
def test_without_it_each_goes_to_its_own_address(
    email: TargetUserRecord,
    make_due: MakeDue,
    mail_server: SmtpStandIn,
    settings: Any,
    addresses: Any,
) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": addresses}
    make_due(email)
    assert process()[1] == "1 Delivered\n"
    [mail] = mail_server.received
    assert (mail.envelope_to, mail["X-Original-To"]) == ([REAL], None)


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_a_run_says_so_at_its_start(
    staging: None, email: TargetUserRecord, arguments: tuple[str, ...]
) -> None:
    _, errors = process("--target", "Email", "--target", "Expo", *arguments)
    assert errors == (
        "OVERRIDE_RECIPIENTS is set, so no message reaches people: Email goes to"
        " staging@example.com, Expo is blocked.\n"
    )
    assert process(verbosity=0)[1] == ""


@pytest.mark.parametrize(
    ("title", "status"), [("gone", "DELIVERY FAILURE"), ("stop", "DELIVERY FAILURE")]
)
def test_what_is_said_of_the_other_address_is_not_held_against_the_person(
    staging: None, loft: TargetUserRecord, make_due: MakeDue, title: str, status: str
) -> None:
    notification = make_due(loft, title=title)
    process()
    notification.refresh_from_db()
    assert notification.status == status


def test_a_hard_bounce_of_the_other_address_is_not_either(
    staging: None, email: TargetUserRecord, make_due: MakeDue, mail_server: SmtpStandIn
) -> None:
    mail_server.answer("RCPT", "550 5.1.1 No such user")
    make_due(email)
    process()
    email.refresh_from_db()
    assert email.hard_bounces == 0


def test_a_later_report_of_the_other_address_is_not_either(
    staging: None, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="hello")
    process()
    receipt = Receipt("ring-hello", "moved", ReceiptResult.FAILED, deactivate_record=True)
    record_receipts("loft", [receipt])
    assert Notification.objects.get().status != Notification.DELIVERED


def test_a_handler_of_1_5_3_can_neither_see_nor_save_the_persons_address(
    staging: None,
    make_record: Callable[[str], TargetUserRecord],
    make_due: MakeDue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []

    def behave(notification: Notification) -> str:
        seen.append(notification.target_user_record.target_user_id)
        notification.refresh_from_db()
        seen.append(notification.target_user_record.target_user_id)
        notification.target_user_record.refresh_from_db()
        seen.append(notification.user_target.target_user_id)
        notification.target_user_record.active = False
        notification.target_user_record.save()
        notification.target_user_record.delete()
        notification.status = "DELIVERED"
        notification.attempted_delivery = timezone.now()
        notification.save()
        return "Flown."

    monkeypatch.setattr(old, "behave", behave)
    notification = make_due(make_record("old"), extra={"cc": "cook"})
    process()
    assert seen == ["test tower"] * 3
    notification.refresh_from_db()
    assert (notification.status, notification.extra) == ("DELIVERED", {"cc": "cook"})


def test_a_handler_that_calls_a_built_in_one_is_not_misled(
    make_record: Callable[[str], TargetUserRecord],
    make_due: MakeDue,
    monkeypatch: pytest.MonkeyPatch,
    mail_server: SmtpStandIn,
    settings: Any,
) -> None:
    override(settings, old=STAGING, email="other@example.com")
    monkeypatch.setattr(old, "behave", email_handler.send_notification)
    make_due(make_record("old"))
    process()
    assert [mail.envelope_to for mail in mail_server.received] == [[STAGING]]


def test_what_has_no_outcome_is_put_back_too(
    staging: None,
    make_record: Callable[[str], TargetUserRecord],
    make_due: MakeDue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[Notification] = []

    def behave(notifications: Any) -> Iterator[Outcome]:
        taken.extend(notifications)
        assert {one.target_user_record.target_user_id for one in taken} == {"test tower"}
        raise TargetUnavailable("closed")
        yield

    monkeypatch.setattr(freely, "behave", behave)
    record = make_record("freely")
    make_due(record, title="one")
    make_due(record, title="two")
    process()
    assert [one.target_user_record.target_user_id for one in taken] == ["north tower"] * 2


def test_a_test_message_goes_elsewhere_too_and_says_so(
    staging: None, mail_server: SmtpStandIn
) -> None:
    stderr = io.StringIO()
    arguments = ("--target", "Email", "--to", "oncall@example.com")
    call_command("send_test_notification", *arguments, stdout=io.StringIO(), stderr=stderr)
    assert [mail.envelope_to for mail in mail_server.received] == [[STAGING]]
    assert "Email goes to staging@example.com" in stderr.getvalue()
    with pytest.raises(CommandError, match="is blocked"):
        call_command("send_test_notification", "--target", "Expo", "--to", "token", stderr=stderr)


def test_the_queues_status_says_so_and_held_targets_are_not_overdue(
    staging: None, records: Records, make_due: MakeDue
) -> None:
    make_due(records["Expo"], scheduled_delivery=timezone.now() - timedelta(hours=1))
    stdout = io.StringIO()
    call_command("notification_status", stdout=stdout)
    call_command("notification_status", "--max-age", "15m", stdout=stdout)
    assert "Expo is blocked" in stdout.getvalue()
    assert "Nothing has been due for longer than 15m." in stdout.getvalue()
