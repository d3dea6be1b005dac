"""Text messages through Twilio's API, on a real socket."""

import base64
import threading
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.utils import timezone

from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.testing.providers import (
    Answer,
    ProviderStandIn,
    ReceivedRequest,
)
from tests.conftest import MakeDue
from tests.support.provider_support import Process, refused, time_limit
from tests.support.twilio_support import TOKEN, configure, refusal


def test_a_due_notification_becomes_one_request_with_twilios_fields(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    record.target_user_id = "+15005550010"
    record.save()
    notification = make_due(record, body="Tea & eggs: 5 €\nat noon")

    output = process()

    assert "SMS Successfully sent!\n" in output
    [request] = providers.requests
    assert request.path == "/2010-04-01/Accounts/AC0123456789/Messages.json"
    credentials = base64.b64encode(f"AC0123456789:{TOKEN}".encode()).decode()
    assert request.headers["authorization"] == f"Basic {credentials}"
    assert parse_qs(request.body.decode()) == {
        "To": ["+15005550010"],
        "From": ["+15005550006"],
        "Body": ["Tea & eggs: 5 €\nat noon"],
    }
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.attempted_delivery is not None
    assert notification.response == "SMS Successfully sent!"
    assert notification.provider_message_id == providers.received[0].message_id


def test_an_empty_body_sends_the_title(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(record, title="Breakfast is served", body="")

    process()

    assert [message.body for message in providers.received] == ["Breakfast is served"]


def test_extra_adds_what_twilio_documents_and_nothing_else(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(
        record,
        extra={
            "status_callback": "https://example.com/status",
            "media_url": ["https://example.com/a.png", "https://example.com/b.png"],
            "validity_period": 120,
            "messaging_service_sid": "MG2",
            "to": "+15005550099",
            "anything": "else",
        },
    )

    process()

    [message] = providers.received
    assert message.fields == {
        "To": record.target_user_id,
        "Body": "lorem ipsum...",
        "StatusCallback": "https://example.com/status",
        "MediaUrl": ["https://example.com/a.png", "https://example.com/b.png"],
        "ValidityPeriod": "120",
        "MessagingServiceSid": "MG2",
    }


@pytest.mark.parametrize("extra", [None, [], ["a"], "text", 3])
def test_extra_of_old_rows_that_is_no_object_stops_nothing(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    extra: Any,
) -> None:
    make_due(record, extra=extra)

    assert "SMS Successfully sent!" in process()


def test_as_many_requests_run_at_once_as_the_settings_allow(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, connections=4)
    until = timezone.now() + timedelta(minutes=4)
    NotificationTarget.objects.update(concurrency=4, concurrency_until=until)
    together = threading.Barrier(4)

    def wait_for_the_others(request: ReceivedRequest) -> None:
        together.wait(timeout=10)

    providers.on_request = wait_for_the_others
    for number in range(12):
        make_due(record, title=f"Message {number}")

    process()

    assert len(providers.received) == 12
    assert providers.most_at_once == 4
    assert set(Notification.objects.values_list("status", flat=True)) == {"DELIVERED"}


def test_connections_are_kept_for_many_messages(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, connections=2)
    for number in range(20):
        make_due(record, title=f"Message {number}")

    process()

    assert len(providers.received) == 20
    assert 1 <= providers.connections <= 2


def test_each_answer_finds_its_own_notification_among_many_threads(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    for number in range(60):
        make_due(record, title=f"Message {number}", body=f"Body {number}")

    process()

    sent = {message.body: message.message_id for message in providers.received}
    recorded = dict(Notification.objects.values_list("body", "provider_message_id"))
    assert recorded == sent
    assert len(sent) == 60


def test_a_person_who_answered_stop_is_opted_out(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    record.target_user_id = "+15005550004"  # the stand-in refuses it with 21610, as Twilio does
    record.save()
    notification = make_due(record)

    process()

    notification.refresh_from_db()
    record.refresh_from_db()
    assert notification.status == Notification.OPTED_OUT
    assert record.active is False


@pytest.mark.parametrize(
    "answer",
    [
        refusal(401, 20003, "Authenticate"),
        refusal(400, 20003, "Authenticate"),
        refusal(403, 20005, "Account is not active"),
        refusal(404, 20404, "The requested resource was not found"),
        Answer(status=401, text="<html>Unauthorized</html>"),
        Answer(status=302, text="", headers={"Location": "/elsewhere"}),
    ],
)
def test_refused_credentials_stop_the_target_and_cost_no_attempt(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    answer: Answer,
) -> None:
    configure(settings, connections=1)
    providers.on_request = refused(answer)
    notifications = [make_due(record, title=f"Message {number}") for number in range(3)]

    output = process()

    assert len(providers.requests) == 1
    assert "Correct the credentials" in output
    for notification in notifications:
        notification.refresh_from_db()
        assert notification.status == Notification.SCHEDULED
        assert notification.retry_attempts == 0


def test_what_was_sent_before_the_credentials_were_refused_is_recorded(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, connections=2)
    second_is_refused = threading.Event()
    numbers = iter(range(100))

    def answer(request: ReceivedRequest) -> Answer | None:
        if next(numbers) == 0:
            second_is_refused.wait(timeout=10)
            return Answer(delay=0.2)
        second_is_refused.set()
        return refusal(401, 20003)

    providers.on_request = answer
    for number in range(4):
        make_due(record, title=f"Message {number}")

    process()

    statuses = sorted(Notification.objects.values_list("status", flat=True))
    assert statuses == ["DELIVERED", "SCHEDULED", "SCHEDULED", "SCHEDULED"]
    assert len(providers.requests) == 2


def test_a_refused_region_stops_only_its_own_message(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    providers.answers.append(refusal(403, 21408, "Permission to send has not been enabled."))
    for number in range(3):
        make_due(record, title=f"Message {number}")

    process()

    statuses = sorted(Notification.objects.values_list("status", flat=True))
    assert statuses == ["DELIVERED", "DELIVERED", "DELIVERY FAILURE"]


@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, 30003, "Unreachable destination handset"),
        refusal(400, 30008, "Unknown error"),
    ],
)
def test_a_passing_fault_is_retried_after_the_notifications_interval(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    answer: Answer,
) -> None:
    providers.on_request = refused(answer)
    notification = make_due(record, retry_time_interval=60)

    process()

    assert len(providers.requests) == 1
    notification.refresh_from_db()
    assert notification.status == Notification.RETRY
    assert notification.retry_attempts == 1
    wait = notification.scheduled_delivery - timezone.now()
    assert timedelta(minutes=58) < wait <= timedelta(minutes=60)


@pytest.mark.parametrize(
    ("value", "hours"),
    [
        ("7200", 2),
        ("{in_three_hours:%a, %d %b %Y %H:%M:%S GMT}", 3),
        ("{in_three_hours:%a, %d %b %Y %H:%M:%S} -0000", 3),
        ("172800", 24),
        ("99999999999999999999", 24),
        ("9" * 5000, 1 / 60),
        ("-5", 1 / 60),
        ("soon", 1 / 60),
    ],
)
def test_no_retry_comes_before_the_time_that_twilio_names(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    value: str,
    hours: float,
) -> None:
    # Named when the test runs: the whole suite takes longer than the tolerance below.
    headers = {"Retry-After": value.format(in_three_hours=timezone.now() + timedelta(hours=3))}
    providers.on_request = refused(refusal(429, 20429, "Too Many Requests", **headers))
    notification = make_due(record, retry_time_interval=0)

    process()

    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)
    record.target.refresh_from_db()
    assert record.target.paused_until is not None
    wait = record.target.paused_until - timezone.now()
    assert abs(wait - timedelta(hours=hours)) < timedelta(seconds=30)


UNANSWERED = [
    Answer(close=True),
    Answer(delay=10),
    Answer(status=504, text="<html>Gateway Timeout</html>"),
    Answer(status=502, text="<html>Bad Gateway</html>"),
    Answer(status=200, text="<html>Welcome to the hotel's network</html>"),
    Answer(status=201, text='{"sid": "SM'),
    Answer(status=201, json=["odd"]),
]


@pytest.mark.parametrize("answer", UNANSWERED)
@pytest.mark.parametrize(
    ("when_unknown", "status"),
    [("retry", Notification.RETRY), ("fail", Notification.DELIVERY_FAILURE)],
)
def test_a_request_without_an_answer_is_unknown_and_the_project_decides(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    answer: Answer,
    when_unknown: str,
    status: str,
) -> None:
    configure(settings, timeout=time_limit(answer), when_unknown=when_unknown)
    providers.on_request = refused(answer)
    notification = make_due(record)

    output = process()

    assert "the message went out, or it did not" in output
    assert len(providers.requests) == 1
    notification.refresh_from_db()
    assert notification.status == status


def test_a_connection_that_is_never_made_is_no_attempt_even_where_unknown_would_fail(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, when_unknown="fail")
    providers.stop()
    notification = make_due(record)

    assert "Connection refused" in process()

    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)


@pytest.mark.odd_requests
def test_extra_of_the_wrong_types_holds_up_no_other_message(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    odd = {
        "validity_period": {"no": "number"},
        "media_url": 5,
        "status_callback": ["https://example.com"],
        "messaging_service_sid": {"no": "text"},
    }
    make_due(record, title="Odd", extra=odd)
    for number in range(5):
        make_due(record, title=f"Message {number}")

    process()

    assert Notification.objects.filter(title__startswith="Message", status="DELIVERED").count() == 5
    assert not Notification.objects.filter(status="SCHEDULED").exists()
