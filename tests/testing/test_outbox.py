"""The outbox for the tests of projects: what lands in it, and what the engine makes of it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.delivery.receipts.record import record_receipts
from django_notification_system.exceptions import NotificationSystemError
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers import twilio
from django_notification_system.outcome import Receipt, ReceiptResult
from django_notification_system.testing import Outbox, use_outbox
from django_notification_system.testing.providers import ProviderStandIn
from tests.conftest import ADDRESSES, MakeDue
from tests.support.handlers import loft as loft_handler
from tests.support.tasks_settings import ENGINE, IMMEDIATE

Records = dict[str, TargetUserRecord]


@pytest.fixture
def old(user: Any, settings: Any) -> TargetUserRecord:
    """A record in a target whose handler is as those of release 1.5.3, and would fail."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    target = NotificationTarget.objects.create(name="Old", notification_module_name="old")
    return TargetUserRecord.objects.create(user=user, target=target, target_user_id="south tower")


def status_of(notification: Notification) -> str:
    notification.refresh_from_db()
    return notification.status


def test_every_target_lands_in_the_outbox(
    outbox: Outbox, records: Records, loft: TargetUserRecord, old: TargetUserRecord
) -> None:
    user = loft.user
    notify(user, "Breakfast", "It is ready.", extra={"dish": "eggs"})

    call_command("process_notifications", verbosity=0)

    went = {(message.target, message.recipient) for message in outbox}
    assert went == {*ADDRESSES.items(), ("Loft", "north tower"), ("Old", "south tower")}
    for message in outbox:
        assert (message.title, message.body) == ("Breakfast", "It is ready.")
        assert message.extra == {"dish": "eggs"}
        assert message.user == user
        assert status_of(message.notification) == "DELIVERED"
        assert message.notification.attempted_delivery is not None
        assert message.notification.provider_message_id == message.message_id
    assert len({message.message_id for message in outbox}) == 5
    assert loft_handler.flown == []
    assert mail.outbox == []


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_targets_side_by_side_land_in_the_outbox(
    outbox: Outbox, records: Records, loft: TargetUserRecord
) -> None:
    for number in range(20):
        notify(loft.user, f"Breakfast {number}", "It is ready.")

    outbox.deliver()

    assert len(outbox) == 20 * 4
    assert len(outbox["loft"]) == 20
    assert {message.notification.status for message in outbox} == {"DELIVERED"}


def test_messages_are_found_by_number_and_by_target(outbox: Outbox, records: Records) -> None:
    notify(records["Email"].user, "Breakfast", "It is ready.", target="Email")
    outbox.deliver()
    notify(records["Email"].user, "Lunch", "It is ready.", target="Twilio")
    outbox.deliver()

    assert outbox[0] is outbox["email"][0]
    assert [message.title for message in outbox["Twilio"]] == ["Lunch"]
    assert [message.title for message in outbox[:1]] == ["Breakfast"]
    assert outbox["expo"] == []
    assert str(outbox[0]) == "Email to eggs@example.com: 'Breakfast'"
    with pytest.raises(NotificationSystemError, match="There is no target 'emial'"):
        outbox["emial"]
    outbox.clear()
    assert not outbox


def test_only_what_is_due_goes_out_unless_told_otherwise(
    outbox: Outbox, email: TargetUserRecord, make_due: MakeDue
) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    reminder = make_due(email, title="tomorrow", scheduled_delivery=tomorrow)
    too_late = make_due(
        email,
        title="not tomorrow",
        scheduled_delivery=tomorrow,
        expires_at=tomorrow + timedelta(hours=1),
    )

    assert outbox.deliver() == []
    assert not outbox
    attempts = outbox.deliver(at=tomorrow + timedelta(hours=2))

    assert [message.title for message in outbox] == ["tomorrow"]
    assert {attempt.notification.pk for attempt in attempts} == {reminder.pk, too_late.pk}
    assert (status_of(reminder), status_of(too_late)) == ("DELIVERED", "EXPIRED")


def test_deliver_heeds_targets(outbox: Outbox, records: Records) -> None:
    notify(records["Email"].user, "Breakfast", "It is ready.")

    outbox.deliver("Twilio")

    assert [message.target for message in outbox] == ["Twilio"]


def test_people_who_want_nothing_get_nothing(
    outbox: Outbox, records: Records, make_due: MakeDue
) -> None:
    held = [make_due(record) for record in records.values()]
    user = records["Email"].user
    NotificationOptOut.objects.bulk_create([NotificationOptOut(user=user, active=True)])

    outbox.deliver()

    assert not outbox
    assert {status_of(notification) for notification in held} == {"OPTED OUT"}


def test_an_email_is_built_as_it_would_be_sent(
    outbox: Outbox, email: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(
        email,
        title="Welcome",
        body="",
        extra={"template_name": "mail/welcome.html", "cc": "ham@example.com"},
    )
    broken = make_due(
        email, title="Broken", body="", extra={"template_name": "mail/does_not_compile.html"}
    )

    outbox.deliver()

    [message] = outbox["email"]
    assert message.email is not None
    assert message.email.subject == "Welcome"
    assert message.email.recipients() == ["eggs@example.com", "ham@example.com"]
    [html] = message.email.alternatives
    assert "<" in str(html[0])
    assert message.message_id == message.email.extra_headers["Message-ID"]
    assert status_of(broken) == "DELIVERY FAILURE"
    assert "does_not_compile" in broken.response


def test_a_refusal_is_for_good(outbox: Outbox, records: Records, make_due: MakeDue) -> None:
    refused, taken = make_due(records["Twilio"]), make_due(records["Email"])
    outbox.fail_next("twilio", "No such number.", deactivate_record=True)

    outbox.deliver()

    assert [message.target for message in outbox] == ["Email"]
    assert (status_of(refused), status_of(taken)) == ("INACTIVE DEVICE", "DELIVERED")
    assert refused.response == "No such number."
    records["Twilio"].refresh_from_db()
    assert not records["Twilio"].active


@pytest.mark.parametrize(
    ("how", "status"),
    [({}, "DELIVERY FAILURE"), ({"opt_out": True}, "OPTED OUT"), ({"hard_bounce": True}, None)],
)
def test_refusals_end_as_the_engine_says(
    outbox: Outbox, email: TargetUserRecord, make_due: MakeDue, how: Any, status: str | None
) -> None:
    notification = make_due(email)
    outbox.fail_next(**how)
    outbox.deliver()
    assert status_of(notification) == (status or "INACTIVE DEVICE")


def test_what_is_to_be_tried_again_is(
    outbox: Outbox, email: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(email, retry_time_interval=60)
    outbox.retry_next("Email", times=2)

    outbox.deliver()
    assert status_of(notification) == "RETRY"
    assert notification.scheduled_delivery > timezone.now() + timedelta(minutes=59)
    assert outbox.deliver() == []
    outbox.deliver(at=timezone.now() + timedelta(hours=1, seconds=1))
    assert (status_of(notification), notification.retry_attempts) == ("RETRY", 2)
    outbox.deliver(at=timezone.now() + timedelta(hours=2, seconds=2))

    assert status_of(notification) == "DELIVERED"
    assert len(outbox) == 1


def test_the_last_attempt_is_the_last(
    outbox: Outbox, email: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(email, max_retries=2, retry_time_interval=0)
    outbox.retry_next(times=None)
    for hours in range(5):
        outbox.deliver(at=timezone.now() + timedelta(hours=hours))
    assert (status_of(notification), notification.retry_attempts) == ("DELIVERY FAILURE", 2)


def test_only_a_certain_address_is_refused(
    outbox: Outbox, email: TargetUserRecord, make_due: MakeDue
) -> None:
    other = TargetUserRecord.objects.create(
        user=email.user, target=email.target, target_user_id="ham@example.com"
    )
    outbox.fail_next(recipient="ham@example.com")
    make_due(email)
    make_due(other)

    outbox.deliver()

    assert [message.recipient for message in outbox] == ["eggs@example.com"]


@pytest.mark.parametrize(("choice", "status"), [("retry", "RETRY"), ("fail", "DELIVERY FAILURE")])
def test_nobody_knows_is_what_the_target_makes_of_it(
    outbox: Outbox,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    choice: str,
    status: str,
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"when_unknown": choice}}
    notification = make_due(email)
    outbox.lose_next("email")
    outbox.deliver()
    assert status_of(notification) == status
    assert not outbox


def test_a_provider_that_is_not_there_pauses_its_target(
    outbox: Outbox, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"PAUSE_AFTER": 2}
    notifications = [make_due(email, title=str(number)) for number in range(3)]
    outbox.retry_next("email", "No route to host.", unreachable=True, times=None)

    outbox.deliver()

    assert {status_of(notification) for notification in notifications} == {"SCHEDULED"}
    assert "is paused" in outbox.problems["Email"]


def test_a_misspelt_target_is_refused_when_it_is_named(outbox: Outbox, db: None) -> None:
    for tell in (outbox.fail_next, outbox.retry_next, outbox.lose_next):
        with pytest.raises(NotificationSystemError, match="emial"):
            tell("emial")


def test_a_target_without_a_handler_stays_so(outbox: Outbox, user: Any) -> None:
    target = NotificationTarget.objects.create(name="Fax", notification_module_name="fax")
    TargetUserRecord.objects.create(user=user, target=target, target_user_id="1")
    notify(user, "Breakfast", "It is ready.")

    outbox.deliver()

    assert not outbox
    assert "there is no module 'fax'" in outbox.problems["Fax"]
    assert Notification.objects.get().status == "SCHEDULED"


def test_other_recipients_of_a_staging_site_are_heeded(
    outbox: Outbox, records: Records, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"email": "staging@example.com"}}
    notify(records["Email"].user, "Breakfast", "It is ready.")

    outbox.deliver()

    assert [message.recipient for message in outbox] == ["staging@example.com"]
    assert "Twilio" in outbox.problems


def test_one_that_is_sent_by_itself_lands_there_too(
    outbox: Outbox, records: Records, make_due: MakeDue, providers: ProviderStandIn
) -> None:
    notification = make_due(records["Twilio"])

    assert twilio.send_notification(notification) == "Kept in the outbox."

    assert [message.target for message in outbox] == ["Twilio"]
    assert providers.requests == []


def test_no_provider_is_asked_for_receipts(
    outbox: Outbox, records: Records, make_due: MakeDue, providers: ProviderStandIn
) -> None:
    awaited = make_due(records["Expo"], status="DELIVERED", provider_message_id="ticket")
    awaited.attempted_delivery = timezone.now() - timedelta(hours=1)
    awaited.await_receipt(timezone.now())
    awaited.save()

    call_command("process_notifications", verbosity=0)

    assert providers.requests == []


def test_a_receipt_can_name_the_message(
    outbox: Outbox, email: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(email)
    outbox.deliver()
    receipt = Receipt(outbox[0].message_id, "delivered", ReceiptResult.CONFIRMED)
    record_receipts("email", [receipt])
    notification.refresh_from_db()
    assert notification.confirmed_at is not None


def test_signals_are_sent_on_commit(
    outbox: Outbox,
    email: TargetUserRecord,
    make_due: MakeDue,
    django_capture_on_commit_callbacks: Any,
) -> None:
    from django_notification_system.signals import notification_delivered

    heard: list[Notification] = []

    def hear(notification: Notification, **kwargs: Any) -> None:
        heard.append(notification)

    notification_delivered.connect(hear)
    try:
        notification = make_due(email)
        with django_capture_on_commit_callbacks(execute=True):
            outbox.deliver()
    finally:
        notification_delivered.disconnect(hear)
    assert heard == [notification]


def test_what_is_handed_over_on_commit_lands_in_the_outbox(
    outbox: Outbox,
    email: TargetUserRecord,
    settings: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.TASKS = IMMEDIATE
    settings.NOTIFICATION_SYSTEM = ENGINE
    with django_capture_on_commit_callbacks(execute=True):
        notify(email.user, "Breakfast", "It is ready.")
    assert [message.title for message in outbox["email"]] == ["Breakfast"]


# --- Switching it on and off ----------------------------------------------------------------


def test_mail_goes_its_usual_way_without_an_outbox(
    email: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(email)
    with use_outbox():
        pass
    call_command("process_notifications", verbosity=0)
    assert len(mail.outbox) == 1


def test_one_outbox_within_another_takes_its_place(
    email: TargetUserRecord, make_due: MakeDue
) -> None:
    with use_outbox() as outer:
        with use_outbox() as inner:
            make_due(email, title="inner")
            inner.deliver()
        make_due(email, title="outer")
        outer.deliver()
    assert [message.title for message in inner] == ["inner"]
    assert [message.title for message in outer] == ["outer"]


def test_an_outbox_ends_where_its_block_fails(email: TargetUserRecord, make_due: MakeDue) -> None:
    with pytest.raises(ZeroDivisionError), use_outbox():
        _ = 1 / 0
    make_due(email)
    call_command("process_notifications", verbosity=0)
    assert len(mail.outbox) == 1


def test_decorated_functions_have_an_outbox_each(
    email: TargetUserRecord, make_due: MakeDue
) -> None:
    @use_outbox(kwarg_name="outbox")
    def deliver(outbox: Outbox) -> int:
        make_due(email, title=str(timezone.now()))
        outbox.deliver()
        return len(outbox)

    @use_outbox(kwarg_name="outbox")
    async def deliver_later(outbox: Outbox) -> Outbox:
        return outbox

    def again(function: Callable[[], Any]) -> list[Any]:
        return [function(), function()]

    assert again(deliver) == [1, 1]
    first, second = again(lambda: asyncio.run(deliver_later()))
    assert first is not second
