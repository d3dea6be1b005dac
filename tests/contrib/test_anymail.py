"""What a mail provider reports, through the real django-anymail: its backend and its webhooks."""

import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import AppConfig
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    Suppression,
    TargetUserRecord,
)
from tests.conftest import MakeDue
from tests.support.anymail_support import (
    SECRET,
    TOKEN,
    Postmark,
    bounce,
    complaint,
    delivery,
    installed,
    opened,
    post,
    sent,
    unsubscribed,
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


def test_a_message_has_its_providers_own_name(sent: Notification) -> None:
    [asked] = Postmark.asked
    assert sent.provider_message_id == asked["MessageID"]
    assert asked["token"] == TOKEN


def test_a_delivery_is_confirmed_at_the_time_that_the_provider_names(sent: Notification) -> None:
    assert state(sent) == ("DELIVERED", "", False, True)
    an_hour_ago = timezone.now() - timedelta(hours=1)
    Notification.objects.update(attempted_delivery=an_hour_ago)
    delivered_at = (an_hour_ago + timedelta(seconds=7)).replace(microsecond=0)
    assert post("postmark", delivery(sent, DeliveredAt=delivered_at.isoformat())) == 200
    assert state(sent) == ("DELIVERED", "delivered", True, True)
    assert sent.confirmed_at == delivered_at


def test_a_hard_bounce_switches_the_record_off(sent: Notification) -> None:
    assert post("postmark", bounce(sent)) == 200
    assert state(sent) == ("INACTIVE DEVICE", "bounced", False, False)
    assert sent.response.startswith("Postmark reports: bounced. smtp;550 5.1.1 The email account")


@pytest.mark.parametrize(
    ("stored", "reported"),
    [
        ("ann@münchen.example", "ann@xn--mnchen-3ya.example"),
        ("ann@xn--mnchen-3ya.example", "ann@münchen.example"),
        ("Ann <ann@example.com>", "ann@example.com"),
        ("ann@example.com", "ANN@Example.COM"),
    ],
)
def test_a_bounce_names_the_address_in_its_own_spelling(
    stored: str, reported: str, email: TargetUserRecord, make_due: MakeDue
) -> None:
    email.target_user_id = stored
    email.save()
    # The same mailbox in copy is the record's own.
    notification = after_run(make_due(email, extra={"cc": [f"Me <{reported}>"]}))
    assert post("postmark", bounce(notification, Email=reported)) == 200
    assert state(notification) == ("INACTIVE DEVICE", "bounced", False, False)


def test_a_copy_is_known_by_any_spelling(email: TargetUserRecord, make_due: MakeDue) -> None:
    notification = after_run(make_due(email, extra={"cc": ["Ham <ham@münchen.example>"]}))
    assert post("postmark", bounce(notification, Email="ham@xn--mnchen-3ya.example")) == 200
    assert state(notification) == ("DELIVERED", "", False, True)


def test_hard_bounces_are_counted_as_the_settings_say(sent: Notification, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"HARD_BOUNCES": 2}
    for _ in range(2):  # the second is a replay
        post("postmark", bounce(sent))
    assert state(sent) == ("DELIVERY FAILURE", "bounced", False, True)
    assert TargetUserRecord.objects.get(target_user_id=EGGS).hard_bounces == 1


@pytest.mark.parametrize(
    "event",
    [
        {"Type": "SoftBounce", "Details": "smtp;552 5.2.2 Over quota"},
        {"Type": "SoftBounce", "Details": ""},
        {"Type": "SoftBounce", "Details": "smtp;550 No"},
        {"Type": "HardBounce", "Details": "smtp;550-5.7.1 Listed"},
        {"Type": "HardBounce", "Details": "smtp;452 4.2.2 Full"},
        {"Type": "Blocked", "Details": "smtp;550 5.1.1 No"},
        {"Type": "DMARCPolicy", "Details": ""},
    ],
)
def test_a_soft_bounce_and_a_block_leave_the_record(
    event: dict[str, Any], sent: Notification
) -> None:
    assert post("postmark", bounce(sent, **event)) == 200
    status, _, confirmed, active = state(sent)
    assert (status, confirmed, active) == ("DELIVERY FAILURE", False, True)


@pytest.mark.parametrize(
    "event",
    [
        {"Type": "HardBounce", "Details": "smtp;550 No"},
        {"Type": "HardBounce", "Details": ""},
        {"Type": "BadEmailAddress", "Details": ""},
        {"Type": "SoftBounce", "Details": "smtp; 550 5.1.10 Null MX"},
    ],
)
def test_what_is_said_against_the_address_counts(event: dict[str, Any], sent: Notification) -> None:
    assert post("postmark", bounce(sent, **event)) == 200
    status, _, confirmed, active = state(sent)
    assert (status, confirmed, active) == ("INACTIVE DEVICE", False, False)


def test_a_delay_is_only_noted(sent: Notification) -> None:
    assert post("postmark", bounce(sent, Type="Transient", Details="smtp;450 4.2.0 Later")) == 200
    assert state(sent) == ("DELIVERED", "deferred", False, True)
    post("postmark", delivery(sent))
    assert state(sent) == ("DELIVERED", "delivered", True, True)


def test_a_complaint_switches_the_record_off_and_is_no_failure(sent: Notification) -> None:
    assert post("postmark", complaint(sent)) == 200
    assert state(sent) == ("DELIVERED", "complained", True, False)


def test_who_unsubscribes_gets_no_more(
    sent: Notification, email: TargetUserRecord, make_due: MakeDue
) -> None:
    assert post("postmark", unsubscribed(sent)) == 200
    assert state(sent) == ("DELIVERED", "unsubscribed", True, False)
    assert after_run(make_due(email, title="Next")).status == "INACTIVE DEVICE"
    assert len(Postmark.asked) == 1


def test_events_in_any_order_and_twice_come_to_the_same(sent: Notification) -> None:
    events = [opened(sent), complaint(sent), delivery(sent), complaint(sent), opened(sent)]
    for event in events:
        assert post("postmark", event) == 200
    assert state(sent) == ("DELIVERED", "complained", True, False)
    assert NotificationAttempt.objects.filter(result="reported failed").count() == 0


def test_a_record_that_was_switched_on_again_stays_so_at_a_replay(sent: Notification) -> None:
    post("postmark", complaint(sent))
    TargetUserRecord.objects.update(active=True)
    post("postmark", complaint(sent))
    assert state(sent)[3] is True


@pytest.mark.parametrize(
    "odd",
    [
        {"Details": None},
        {"Details": {"a": ["b"]}},
        {"Details": "smtp;550 5.1.1 \x00 \ud800" + "x" * 600},
        {"MessageID": "\x00"},
        {"MessageID": 12},
        {"Email": None},
        {"Email": "\x00@\ud800"},
        {"BouncedAt": "0001-01-01T00:00:00+14:00"},
        {"BouncedAt": "9999-12-31T23:59:59-14:00"},
        {"BouncedAt": None},
    ],
    ids=lambda odd: str(odd)[:40],
)
def test_what_is_odd_in_an_event_is_taken_for_what_it_can_be(
    odd: dict[str, Any], sent: Notification
) -> None:
    from anymail.signals import AnymailTrackingEvent

    from django_notification_system.contrib.anymail.tracking import record_event

    said = bounce(sent, **odd)
    moment = said["BouncedAt"] and datetime.fromisoformat(said["BouncedAt"])
    event = AnymailTrackingEvent(
        event_type="bounced",
        reject_reason="bounced",
        message_id=said["MessageID"],
        recipient=said["Email"],
        mta_response=said["Details"],
        timestamp=moment,
        esp_event=said,
    )
    record_event(None, event, "Postmark")
    status = state(sent)[0]
    is_sents = "MessageID" not in odd
    assert (status != "DELIVERED") == is_sents


def test_a_bounce_of_an_old_address_leaves_the_new_one(sent: Notification) -> None:
    TargetUserRecord.objects.update(target_user_id="new@example.com")
    post("postmark", bounce(sent))
    status, _, _, active = state(sent)
    assert status != "DELIVERED"
    assert active is True


def test_the_fate_of_a_copy_is_not_that_of_the_mail(
    sent: Notification, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(tracking, "time", SimpleNamespace(sleep=waits.append))
    now = timezone.now().isoformat()
    assert post("postmark", bounce(sent, Email="Ham@example.com", BouncedAt=now)) == 200
    assert post("postmark", delivery(sent, Recipient="ham@example.com", DeliveredAt=now)) == 200
    assert waits == []
    assert state(sent) == ("DELIVERED", "", False, True)


@pytest.mark.parametrize("message_id", ["5dfae999-e5d9-46c5-8b07-a27e81ce4e0d", "", None])
def test_the_mails_of_others_are_not_minded(message_id: str | None, sent: Notification) -> None:
    assert post("postmark", bounce(sent, MessageID=message_id)) == 200
    assert state(sent) == ("DELIVERED", "", False, True)


@pytest.mark.parametrize("use_tz", [True, False])
@pytest.mark.parametrize("seconds_ago", [0, 60])
def test_the_mails_of_others_are_not_minded_with_time_zones_or_without(
    installed: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, use_tz: bool, seconds_ago: int
) -> None:
    settings.USE_TZ = use_tz
    waits: list[float] = []
    monkeypatch.setattr(tracking, "time", SimpleNamespace(sleep=waits.append))
    moment = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    bounced = {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "MessageID": str(uuid.uuid4()),
        "Email": "other@example.com",
        "BouncedAt": moment.isoformat(),
    }
    assert post("postmark", bounced) == 200
    assert len(waits) == (0 if seconds_ago else len(tracking.WAITS))


def test_a_complaint_of_no_storable_address_is_recorded_all_the_same(sent: Notification) -> None:
    assert post("postmark", {**complaint(sent), "Email": "x" * 300}) == 200
    assert state(sent)[:3] == ("DELIVERED", "complained", True)
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("event", [delivery, bounce])
def test_an_event_before_the_outcome_is_recorded_is_tried_again(
    event: Callable[..., dict[str, Any]], sent: Notification, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run records the outcome during the third wait; the webhook is for others' mails too."""
    message_id, waits = sent.provider_message_id, []
    Notification.objects.update(status="SCHEDULED", provider_message_id="")

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            Notification.objects.update(status="DELIVERED", provider_message_id=message_id)

    monkeypatch.setattr(tracking, "time", SimpleNamespace(sleep=sleep))
    now = timezone.now().isoformat()
    assert post("postmark", event(sent, MessageID=message_id, DeliveredAt=now, BouncedAt=now))
    assert state(sent)[1] == ("delivered" if event is delivery else "bounced")
    assert len(waits) == 3
    assert sum(tracking.WAITS) <= 1

    # Neither an old event nor a person's click is early.
    foreign = str(uuid.uuid4())
    assert post("postmark", event(sent, MessageID=foreign)) == 200
    assert post("postmark", {**opened(sent), "MessageID": foreign, "ReceivedAt": now}) == 200
    assert len(waits) == 3


def test_a_redirected_mails_complaint_suppresses_nobody(sent: Notification, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"email": EGGS}}
    assert post("postmark", complaint(sent)) == 200
    assert post("postmark", unsubscribed(sent)) == 200
    assert state(sent) == ("DELIVERED", "unsubscribed", True, True)
    assert not Suppression.objects.exists()


def test_what_is_no_fate_of_a_message_is_not_minded(sent: Notification) -> None:
    again = {**unsubscribed(sent), "SuppressSending": False}
    assert post("postmark", again) == 200
    assert post("postmark", bounce(sent, Type="Unknown")) == 200
    assert state(sent) == ("DELIVERED", "", False, True)


@pytest.mark.parametrize("secret", ["hook:wrong", "", ":"])
def test_a_bad_secret_changes_nothing(secret: str, sent: Notification) -> None:
    assert post("postmark", bounce(sent), secret) == 400
    assert state(sent) == ("DELIVERED", "", False, True)


def test_no_secret_is_stored_or_printed(
    sent: Notification, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    post("postmark", bounce(sent))
    post("postmark", bounce(sent), "hook:planted-wrong-secret")
    rows = [*Notification.objects.values_list(), *NotificationAttempt.objects.values_list()]
    printed = capsys.readouterr()
    assert "planted" not in f"{rows}{caplog.text}{printed.out}{printed.err}"


@pytest.mark.parametrize(
    ("settings_of_anymail", "ids"),
    [
        ({}, ["django_notification_system_anymail.W001"]),
        ({"ANYMAIL": {"WEBHOOK_SECRET": ""}}, ["django_notification_system_anymail.W001"]),
        (
            {"ANYMAIL": {"MAILGUN_WEBHOOK_SIGNING_KEY": "k"}},
            ["django_notification_system_anymail.W001"],
        ),
        ({"ANYMAIL": {"WEBHOOK_SECRET": SECRET}}, []),
        ({"ANYMAIL": {"WEBHOOK_SECRET": ["new:secret", SECRET]}}, []),
        ({"ANYMAIL_WEBHOOK_SECRET": SECRET}, []),
    ],
)
def test_webhooks_without_a_secret_are_noticed(
    settings_of_anymail: dict[str, Any], ids: list[str], settings: Any
) -> None:
    del settings.ANYMAIL
    for name, value in settings_of_anymail.items():
        setattr(settings, name, value)
    found = [each for each in run_checks() if "WEBHOOK_SECRET" in each.msg]
    assert [each.id for each in found] == ids
    assert SECRET not in str(found)


def test_the_app_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anymail", None)
    config = AppConfig.create("django_notification_system.contrib.anymail")
    with pytest.raises(ImproperlyConfigured, match=r"\[anymail\]"):
        config.ready()
