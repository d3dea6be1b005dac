"""What each of Anymail's providers says of a message, in its own words."""

from typing import Any

import pytest

from django_notification_system.models import (
    Notification,
    TargetUserRecord,
)
from tests.conftest import MakeDue
from tests.support.anymail_support import (
    Postmark,
    installed,
    post,
    sent,
)
from tests.support.email_support import EGGS, after_run

pytest.importorskip("anymail")
tracking = pytest.importorskip("django_notification_system.contrib.anymail.tracking")

__all__ = ["installed", "sent"]  # the fixtures
pytestmark = [pytest.mark.urls("tests.support.urls_anymail"), pytest.mark.django_db]


def state(notification: Notification) -> tuple[str, str, bool, bool]:
    """Return status, the provider's word, whether it is confirmed, whether the record is active."""
    notification.refresh_from_db()
    record = TargetUserRecord.objects.get(pk=notification.target_user_record_id)
    confirmed = notification.confirmed_at is not None
    return notification.status, notification.provider_status, confirmed, record.active


@pytest.mark.parametrize(
    ("event", "reason", "status", "active"),
    [
        ("hard_bounce", "550 5.1.1 No", "INACTIVE DEVICE", False),
        ("hard_bounce", "552 5.2.2 Full", "DELIVERY FAILURE", True),
        ("soft_bounce", "", "DELIVERY FAILURE", True),
        ("invalid_email", "", "INACTIVE DEVICE", False),
        ("blocked", "", "DELIVERY FAILURE", True),
        ("error", "", "DELIVERY FAILURE", True),
        ("spam", "", "DELIVERED", False),
        ("unsubscribe", "", "DELIVERED", False),
        ("request", "", "DELIVERED", True),
    ],
)
def test_another_provider_is_understood_alike(
    event: str, reason: str, status: str, active: bool, sent: Notification
) -> None:
    of_brevo = {
        "event": event,
        "email": EGGS,
        "message-id": sent.provider_message_id,
        "ts_epoch": 1795507200000,
        "reason": reason,
    }
    assert post("brevo", of_brevo) == 200
    found, _, _, is_active = state(sent)
    assert (found, is_active) == (status, active)


@pytest.mark.parametrize(
    ("reason", "status", "active"),
    [
        ("bounced", "INACTIVE DEVICE", False),
        ("invalid", "INACTIVE DEVICE", False),
        ("spam", "INACTIVE DEVICE", False),
        ("unsubscribed", "OPTED OUT", False),
        ("blocked", "DELIVERY FAILURE", True),
        ("timed_out", "DELIVERY FAILURE", True),
        (None, "DELIVERY FAILURE", True),
    ],
)
def test_what_a_provider_does_not_send_any_more_has_its_reason(
    reason: str | None, status: str, active: bool, sent: Notification
) -> None:
    from anymail.signals import AnymailTrackingEvent, tracking

    event = AnymailTrackingEvent(
        event_type="rejected",
        reject_reason=reason,
        message_id=sent.provider_message_id,
        recipient=EGGS,
    )
    tracking.send(sender=object, event=event, esp_name="Test")
    found, _, _, is_active = state(sent)
    assert (found, is_active) == (status, active)


@pytest.mark.parametrize(
    ("esp_event", "is_soft"),
    [
        ({"event": "soft_bounce"}, True),  # Brevo, Mandrill
        ({"event": "hard_bounce"}, False),
        ({"bounce": {"bounceType": "Transient"}}, True),  # Amazon SES
        ({"bounce": {"bounceType": "Permanent"}}, False),
        ({"type": "activity.soft_bounced", "data": {"type": "soft_bounced"}}, True),  # MailerSend
        ({"data": {"bounce": {"type": "Transient"}}}, True),  # Resend
        ({"msys": {"message_event": {"bounce_class": "22"}}}, True),  # SparkPost
        ({"event": "bounce", "hard_bounce": False}, True),  # Mailjet
        (None, False),
        ("text", False),
    ],
)
def test_soft_bounces_are_known_by_each_providers_word(esp_event: Any, is_soft: bool) -> None:
    from anymail.signals import AnymailTrackingEvent, EventType, RejectReason

    from django_notification_system.contrib.anymail.tracking import meaning_of

    event = AnymailTrackingEvent(
        event_type=EventType.BOUNCED, reject_reason=RejectReason.BOUNCED, esp_event=esp_event
    )
    meaning = meaning_of(event)
    assert meaning is not None
    assert meaning.hard_bounce is not is_soft


def test_every_event_type_of_anymail_has_been_thought_of() -> None:
    from anymail.signals import EventType

    from django_notification_system.contrib.anymail.tracking import MEANINGS

    known = {value for name, value in vars(EventType).items() if name.isupper()}
    ignored = {"subscribed", "inbound", "inbound_failed", "unknown"}
    assert known - ignored == set(MEANINGS)


@pytest.mark.parametrize("spelling", [EGGS, "Eggs@EXAMPLE.com"])
def test_a_name_for_each_recipient_is_understood(
    spelling: str, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    from anymail.message import AnymailRecipientStatus, AnymailStatus
    from anymail.signals import post_send

    def two_names(sender: Any, message: Any, status: AnymailStatus, **kwargs: Any) -> None:
        names = {spelling: "name-1", "ham@example.com": "name-2"}
        status.recipients.clear()
        status.set_recipient_status(
            {address: AnymailRecipientStatus(name, "sent") for address, name in names.items()}
        )

    post_send.connect(two_names)
    try:
        notification = after_run(make_due(email, extra={"cc": ["ham@example.com"]}))
    finally:
        post_send.disconnect(two_names)
    assert notification.provider_message_id == "name-1"


def test_a_recipient_that_the_provider_refuses_is_told_from_those_in_copy(
    email: TargetUserRecord, make_due: MakeDue
) -> None:
    Postmark.says = (
        f"Message OK, but will not deliver to these inactive addresses: {EGGS}."
        " Inactive recipients are ones that have generated a hard bounce."
    )
    notification = after_run(make_due(email, extra={"cc": ["ham@example.com"]}))
    assert notification.status == "DELIVERY FAILURE"
    assert "the provider says of the address: rejected" in notification.response
