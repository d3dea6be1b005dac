"""Webhooks on the wire: signed bytes, names for repeats, TLS, rotation, what a body says."""

import base64
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from django_notification_system import notify
from django_notification_system.delivery.runs.run import Run
from django_notification_system.exceptions import InvalidNotification, NotificationsNotCreated
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.webhook import deliver, preview
from django_notification_system.notification_handlers.webhook.message import (
    WrongExtra,
    body_of,
    check_extra,
)
from django_notification_system.notification_handlers.webhook.sending import signed_headers
from django_notification_system.operations.export_person import export_person_data
from django_notification_system.outcome import OutcomeKind
from django_notification_system.testing.providers import Answer
from django_notification_system.testing.webhook_receiver import WebhookReceiver
from django_notification_system.types import NotificationType, known_types
from tests.conftest import MakeDue
from tests.support.certificates import server_context
from tests.support.shop.models import Order
from tests.support.webhook_support import SECRET, configure, record_of
from tests.support.webpush_support import speak_tls


def run() -> None:
    list(Run())


def test_the_standards_own_example_is_signed_as_published() -> None:
    """Source: the tests of standard-webhooks/standard-webhooks, libraries/python."""
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_a_receiver_over_tls_verifies_what_came(
    receiver: WebhookReceiver,
    record: TargetUserRecord,
    make_due: MakeDue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context, certificate = server_context(tmp_path)
    speak_tls(receiver, context)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    record.details["url"] = f"https://localhost:{receiver.port}/in?tenant=7"
    record.save()
    notification = make_due(record, title="Grüße 🥚", body='Line\n"two" \\ ☃', category="news")
    run()
    notification.refresh_from_db()
    assert (notification.status, notification.response) == (
        "DELIVERED",
        "The receiver has taken the webhook.",
    )
    [request] = receiver.requests
    assert request.path == "/in?tenant=7"
    assert request.headers["webhook-id"] == f"msg_{notification.pk}"
    assert notification.provider_message_id == f"msg_{notification.pk}"
    # Verified here once more, by the library alone.
    body = Webhook(receiver.secrets[0]).verify(request.body, dict(request.headers))
    assert body == {
        "type": "news",
        "timestamp": notification.created_date.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": {"title": "Grüße 🥚", "body": 'Line\n"two" \\ ☃'},
    }
    assert request.headers["content-type"] == "application/json"


def test_a_repeated_webhook_has_the_same_name_and_bytes(
    receiver: WebhookReceiver, record: TargetUserRecord, make_due: MakeDue
) -> None:
    """The answer is lost after the receiver has taken the webhook: it comes again, and counts."""
    notification = make_due(record, retry_time_interval=0)

    def lose_answer(request: Any) -> Answer:
        _, messages = receiver.usual_answer(request)
        receiver._keep(messages)
        receiver.on_request = None
        return Answer(close=True)

    receiver.on_request = lose_answer
    run()
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("RETRY", 1)
    run()
    notification.refresh_from_db()
    assert notification.status == "DELIVERED"
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert (len(receiver.webhooks), receiver.repeated) == (1, 1)


def test_a_webhook_that_the_receiver_had_no_room_for_is_new_when_it_comes_again(
    receiver: WebhookReceiver, record: TargetUserRecord, make_due: MakeDue
) -> None:
    receiver.limit_messages(0, 3600)
    notification = make_due(record, title="Later")
    [refused] = deliver([notification])
    assert (refused.result, receiver.webhooks) == (OutcomeKind.RETRY, [])
    receiver.limit_messages(1, 3600)
    [taken] = deliver([notification])
    assert taken.result is OutcomeKind.DELIVERED
    assert (len(receiver.webhooks), len(receiver.received), receiver.repeated) == (1, 1, 0)


def test_while_a_secret_rotates_old_and_new_verify(
    receiver: WebhookReceiver, record: TargetUserRecord, make_due: MakeDue
) -> None:
    old, new = receiver.secrets[0], receiver.make_secret()
    record.details["secrets"] = [new, old]
    record.save()
    for known in (old, new):
        receiver.secrets = [known]
        make_due(record, title=known[:12])
        run()
    assert len(receiver.webhooks) == 2
    assert receiver.requests[0].headers["webhook-signature"].count("v1,") == 2
    record.details["secrets"] = [new]
    record.save()
    receiver.secrets = [old]
    refused = make_due(record, title="Retired")
    run()
    refused.refresh_from_db()
    assert (refused.status, len(receiver.webhooks)) == ("RETRY", 2)
    assert "HTTP 401" in refused.response


# The body


@pytest.mark.parametrize(
    ("fields", "kind", "data"),
    [
        ({}, "notification", {"title": "Hello", "body": "World"}),
        ({"category": "news"}, "news", {"title": "Hello", "body": "World"}),
        (
            {"category": "news", "extra": {"type": "invoice.paid", "data": {"number": 17}}},
            "invoice.paid",
            {"number": 17},
        ),
        ({"extra": {"data": {}}}, "notification", {}),
    ],
)
def test_what_a_body_says(fields: dict[str, Any], kind: str, data: Any) -> None:
    moment = datetime(2026, 5, 17, 8, 30, tzinfo=UTC)
    notification = Notification(title="Hello", body="World", created_date=moment, **fields)
    assert json.loads(body_of(notification)) == {
        "type": kind,
        "timestamp": "2026-05-17T08:30:00Z",
        "data": data,
    }


def test_a_moment_without_a_time_zone_is_the_projects(settings: Any) -> None:
    settings.USE_TZ = False
    settings.TIME_ZONE = "Europe/Berlin"
    notification = Notification(created_date=datetime(2026, 7, 1, 12))  # noqa: DTZ001 # on purpose
    with timezone.override("Europe/Berlin"):
        assert json.loads(body_of(notification))["timestamp"] == "2026-07-01T10:00:00Z"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    data=st.dictionaries(st.text(), JSON, max_size=4),
    title=st.text(),
    secret=st.binary(min_size=24, max_size=64),
)
def test_any_body_is_verified_as_sent(data: Any, title: str, secret: bytes) -> None:
    notification = Notification(title=title, body=title, extra={"data": data})
    body = body_of(notification)
    headers = signed_headers("msg_1", body, [f"whsec_{_base64(secret)}"], datetime.now(UTC))
    assert Webhook(secret).verify(body, headers)["data"] == data


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@pytest.mark.parametrize(
    "extra",
    [{"type": ""}, {"type": 7}, {"type": "no type"}, {"type": "a." * 200}, {"data": ["a"]}],
)
def test_an_extra_that_makes_no_webhook_is_refused_when_the_notification_is_made(
    user: Any, record: TargetUserRecord, extra: dict[str, Any]
) -> None:
    with pytest.raises(WrongExtra):
        check_extra(extra)
    with pytest.raises((InvalidNotification, NotificationsNotCreated), match="extra"):
        notify(user, "Hello", "World", target="Webhook", extra=extra)


def test_numbers_that_json_does_not_have_fail_alone() -> None:
    with pytest.raises(WrongExtra, match="cannot be written as JSON"):
        body_of(Notification(title="t", extra={"data": {"number": float("nan")}}))


# The page, the command, staging


def test_the_preview_shows_the_body() -> None:
    shown = preview(Notification(title="Grüße", body="b"), may_render=False, with_text=False)
    assert '"title": "Grüße"' in (shown.text or "")
    wrong = Notification(title="t", extra={"type": "no type"})
    assert preview(wrong, may_render=False, with_text=False).problem


def test_a_test_message_is_signed_with_the_records_secrets(
    receiver: WebhookReceiver, record: TargetUserRecord, capsys: Any
) -> None:
    call_command("send_test_notification", target="Webhook", to=receiver.webhook_url)
    assert receiver.webhooks[0]["data"]["title"] == "Test notification"
    said = "".join(capsys.readouterr())
    assert "The receiver has taken the webhook." in said
    assert "each record's own URL" in said
    assert receiver.secrets[0] not in said


def test_a_staging_site_reaches_its_own_receiver_alone(
    receiver: WebhookReceiver,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    django_user_model: Any,
) -> None:
    with WebhookReceiver() as staging:
        settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"webhook": staging.address}}
        due = make_due(record)
        with pytest.raises(CommandError):
            call_command("process_notifications", fail_on_error=True, verbosity=0)
        due.refresh_from_db()
        assert (due.status, due.retry_attempts) == ("SCHEDULED", 0)
        somebody = django_user_model.objects.create_user(username="staging")
        record_of(somebody, record.target, staging)
        run()
        assert len(staging.webhooks) == 1
    assert receiver.requests == []
    due.refresh_from_db()
    assert due.status == "DELIVERED"


def test_other_addresses_than_of_records_are_a_fault_of_the_settings(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {
        "OVERRIDE_RECIPIENTS": {"webhook": "https://hooks.example.com/"}
    }
    with pytest.raises(Exception, match=r"begins with sha256:"):
        call_command("check", fail_level="WARNING")


def test_a_record_without_secrets_fails_with_the_next_step(
    user: Any, target: NotificationTarget, make_due: MakeDue, settings: Any
) -> None:
    configure(settings)
    record = TargetUserRecord.objects.create(
        user=user, target=target, target_user_id="https://example.com/", description="By hand"
    )
    notification = make_due(record)
    run()
    notification.refresh_from_db()
    assert notification.status == "DELIVERY FAILURE"
    assert notification.response == (
        "Not sent: the record has no details with a URL and secrets. Correct the record."
    )


# Secrets


@pytest.mark.parametrize(
    "answer",
    [Answer(status=204), Answer(status=400), Answer(status=500), Answer(close=True), None],
)
def test_nothing_secret_is_stored_or_logged(
    receiver: WebhookReceiver,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    capsys: Any,
    answer: Answer | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.NOTIFICATION_SYSTEM = {"HISTORY": "all"}
    record.details = {"url": f"{receiver.url}/planted-path?key=planted", "secrets": [SECRET]}
    record.save()
    receiver.secrets = [SECRET]

    def quote(request: Any) -> Answer:
        said = f"{SECRET} {request.path} {request.headers} {request.body!r}"
        assert answer is not None
        return Answer(status=answer.status, text=said, close=answer.close)

    receiver.on_request = None if answer is None else quote
    make_due(record, body="planted-body", expires_at=timezone.now() + timedelta(days=9))
    call_command("process_notifications", verbosity=2, format="json")
    stored = [
        *Notification.objects.values_list("response", flat=True),
        *NotificationAttempt.objects.values_list("response", flat=True),
        repr(record),
        repr(record.details),
        json.dumps(export_person_data(record.user), default=str).replace("planted-body", ""),
    ]
    signature = receiver.requests[0].headers["webhook-signature"]
    for text in (*stored, caplog.text, *capsys.readouterr()):
        for secret in ("planted", SECRET, signature):
            assert secret not in text


# Messages of a type


class Packed(NotificationType):
    key = "shop.order.packed"
    targets = ("webhook",)
    templates = "shop/parcel"
    order: Order
    note: str = ""
    at: datetime | None = None

    def extra(self, target: str) -> dict[str, Any]:
        return {"data": {"order": self.order.number}} if self.note == "data" else {}


@pytest.mark.parametrize("note", ["data", "fragile"])
def test_a_message_of_a_type_has_the_types_key(
    receiver: WebhookReceiver, record: TargetUserRecord, note: str
) -> None:
    with known_types(Packed):
        Packed(order=Order.objects.create(number=17), note=note).notify(record.user)
        run()
    [body] = receiver.webhooks
    assert body["type"] == "shop.order.packed"
    if note == "data":
        assert body["data"] == {"order": 17}
    else:
        assert sorted(body["data"]) == ["body", "title"]
        assert "17" in body["data"]["title"] + body["data"]["body"]
