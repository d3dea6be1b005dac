"""Text messages through Twilio's API, on a real socket."""

import base64
import builtins
import importlib
import logging
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock
from urllib.parse import parse_qs

import pytest
from django.utils import timezone

from django_notification_system import signals
from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import Notification, NotificationOptOut, TargetUserRecord
from django_notification_system.notification_handlers import twilio
from django_notification_system.notification_handlers.twilio import send_notification
from django_notification_system.testing.providers import (
    Answer,
    ProviderStandIn,
    ReceivedRequest,
)
from tests.conftest import MakeDue

Process = Callable[..., str]
TOKEN = "planted-auth-token"


@pytest.fixture
def record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    return records["Twilio"]


def configure(settings: Any, **changes: Any) -> None:
    targets = settings.NOTIFICATION_SYSTEM_TARGETS
    settings.NOTIFICATION_SYSTEM_TARGETS = {
        **targets,
        "twilio_sms": {**targets["twilio_sms"], **changes},
    }


def refusal(status: int, code: int, message: str = "No.", **headers: str) -> Answer:
    body = {"code": code, "message": message, "more_info": "", "status": status}
    return Answer(status=status, json=body, headers=headers)


def refused(*answers: Answer) -> Callable[[ReceivedRequest], Answer]:
    """An ``on_request`` that refuses everything."""
    return lambda request: answers[0]


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


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ({"messaging_service_sid": "MG1", "sender": ""}, {"MessagingServiceSid": "MG1"}),
        (
            {"messaging_service_sid": "MG1"},
            {"MessagingServiceSid": "MG1", "From": "+15005550006"},
        ),
        ({}, {"From": "+15005550006"}),
    ],
)
def test_the_settings_name_a_sender_a_messaging_service_or_both(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    sender: dict[str, str],
    expected: dict[str, str],
) -> None:
    configure(settings, **sender)
    make_due(record)

    process()

    [message] = providers.received
    assert message.fields == {"To": record.target_user_id, "Body": "lorem ipsum...", **expected}


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


@pytest.mark.parametrize("code", [21211, 21614, 21635, 30005, 30006])
def test_a_number_that_will_never_work_deactivates_its_record(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    code: int,
) -> None:
    providers.on_request = refused(refusal(400, code, "Not a mobile number."))
    notification = make_due(record)

    output = process()

    notification.refresh_from_db()
    record.refresh_from_db()
    assert notification.status == Notification.INACTIVE_DEVICE
    assert record.active is False
    assert f"TwilioRestException: HTTP 400, code {code}: " in output
    assert "Not a mobile number." in notification.response


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
        refusal(429, 20429, "Too Many Requests"),
        refusal(400, 21611, "This 'From' number has exceeded the maximum number of messages."),
        refusal(400, 30001, "Queue overflow"),
        Answer(status=429, text="slow down"),
        Answer(status=408, text="too late"),
        refusal(500, 20500, "Internal Server Error"),
        Answer(status=503, text="<html><h1>Service Unavailable</h1></html>"),
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
        ("9" * 5000, 0),
        ("-5", 0),
        ("soon", 0),
    ],
)
def test_no_retry_comes_before_the_time_that_twilio_names(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    value: str,
    hours: int,
) -> None:
    # Named when the test runs: the whole suite takes longer than the tolerance below.
    headers = {"Retry-After": value.format(in_three_hours=timezone.now() + timedelta(hours=3))}
    providers.on_request = refused(refusal(429, 20429, "Too Many Requests", **headers))
    notification = make_due(record, retry_time_interval=0)

    process()

    notification.refresh_from_db()
    assert notification.status == Notification.RETRY
    wait = notification.scheduled_delivery - timezone.now()
    assert abs(wait - timedelta(hours=hours)) < timedelta(minutes=2)


@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit."),
        refusal(400, 21608, "The number is unverified."),
        Answer(status=400, text="<html>Bad Request</html>"),
        Answer(status=422, json=["odd"]),
    ],
)
def test_any_other_refusal_is_final_and_leaves_the_record_alone(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    answer: Answer,
) -> None:
    providers.on_request = refused(answer)
    notification = make_due(record)

    assert f"HTTP {answer.status}" in process()

    notification.refresh_from_db()
    record.refresh_from_db()
    assert notification.status == Notification.DELIVERY_FAILURE
    assert record.active is True


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
    configure(settings, timeout=0.3, when_unknown=when_unknown)
    providers.on_request = refused(answer)
    notification = make_due(record)

    output = process()

    assert "the message went out, or it did not" in output
    assert len(providers.requests) == 1
    notification.refresh_from_db()
    assert notification.status == status


def test_a_connection_that_is_never_made_is_retried_even_where_unknown_would_fail(
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
    assert notification.status == Notification.RETRY


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


@pytest.mark.parametrize(
    ("host", "prefix"),
    [
        ("127.0.0.1", ""),
        ("127.0.0.1", "/"),
        ("localhost", ""),
        ("127.0.0.1", "/proxy/twilio"),
        ("127.0.0.1", "/proxy/twilio/"),
    ],
)
def test_base_url_may_be_any_host_with_any_prefix(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    host: str,
    prefix: str,
) -> None:
    configure(settings, base_url=f"http://{host}:{providers.port}{prefix}")
    make_due(record)

    assert "SMS Successfully sent!" in process()

    path = "/2010-04-01/Accounts/AC0123456789/Messages.json"
    assert providers.requests[0].path == prefix.rstrip("/") + path


def test_base_url_may_be_an_ipv6_address(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    try:
        stand_in = ProviderStandIn(host="::1")
        stand_in.start()
    except OSError:
        pytest.skip("this machine has no IPv6")
    try:
        configure(settings, base_url=stand_in.url)
        make_due(record)

        assert "SMS Successfully sent!" in process()

        assert len(stand_in.received) == 1
    finally:
        stand_in.stop()


def test_twilios_own_address_keeps_the_region_of_the_environment(settings: Any) -> None:
    connection = twilio.Connection(mock.Mock(), twilio.TwilioSettings())
    regional = "https://api.dublin.ie1.twilio.com/2010-04-01/Accounts/AC1/Messages.json"

    assert connection._address(regional) == regional


@pytest.mark.parametrize(
    "base_url", ["api.twilio.com", "ftp://127.0.0.1", "http://[::1", "http://"]
)
def test_a_base_url_that_is_none_stops_the_target_and_says_so(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    base_url: str,
) -> None:
    configure(settings, base_url=base_url)
    notification = make_due(record)

    assert "base_url in the target's settings is no web address" in process()

    notification.refresh_from_db()
    assert notification.status == Notification.SCHEDULED


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"account_sid": ""}, "account_sid"),
        ({"auth_token": None}, "auth_token"),
        ({"sender": ""}, "sender (or messaging_service_sid)"),
    ],
)
def test_a_missing_setting_is_named_and_costs_no_attempt(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    changes: dict[str, Any],
    named: str,
) -> None:
    configure(settings, **changes)
    notification = make_due(record)

    assert f"Set {named} in NOTIFICATION_SYSTEM_TARGETS['twilio_sms']." in process()

    assert providers.requests == []
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == (Notification.SCHEDULED, 0)


@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, 21617, f"Too long: a secret, planted-body with {TOKEN}"),
        refusal(500, 20500, f"Broken on: a secret, planted-body with {TOKEN}"),
        refusal(401, 20003, f"Not with {TOKEN} for a secret, planted-body"),
        Answer(status=400, text=f"<html>a secret, planted-body {TOKEN}</html>"),
        Answer(status=201, text=f"a secret, planted-body {TOKEN}"),
        Answer(close=True),
        Answer(delay=10),
    ],
)
def test_neither_token_nor_body_reaches_responses_or_logs(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
) -> None:
    caplog.set_level(logging.DEBUG)
    configure(settings, timeout=0.3)
    providers.on_request = refused(answer)
    notification = make_due(record, body="a secret, planted-body")

    block = process()

    notification.refresh_from_db()
    encoded = base64.b64encode(f"AC0123456789:{TOKEN}".encode()).decode()
    assert (
        "Test notification - a secret, planted-body\n" in block
    )  # the documented line of the body
    responses = block.replace("Test notification - a secret, planted-body\n", "")
    for text in (responses, notification.response, caplog.text):
        assert "planted-body" not in text
        assert TOKEN not in text
        assert encoded not in text


def test_a_token_that_fits_no_header_is_not_shown(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, auth_token="planted-Ł-token")
    notification = make_due(record)

    output = process()

    notification.refresh_from_db()
    assert notification.status == Notification.RETRY
    assert "planted" not in output + notification.response


def test_the_client_is_a_patch_point(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record, body="Hello")

    with mock.patch("django_notification_system.notification_handlers.twilio.Client") as client:
        assert send_notification(notification) == "SMS Successfully sent!"

    assert providers.requests == []
    client.assert_called_once_with("AC0123456789", TOKEN)
    client.return_value.messages.create.assert_called_once_with(
        to=record.target_user_id, body="Hello", from_="+15005550006"
    )
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.provider_message_id == ""


def test_an_error_of_a_patched_client_is_an_outcome_too(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record)

    with mock.patch("django_notification_system.notification_handlers.twilio.Client") as client:
        client.return_value.messages.create.side_effect = Exception("the body, for instance")
        response = send_notification(notification)

    assert response.startswith("Exception")
    assert "the body" not in response
    notification.refresh_from_db()
    assert notification.status == Notification.RETRY


def test_send_notification_saves_as_in_release_1_5_3(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(record, title="Good")
    providers.on_request = lambda request: refusal(503, 20503) if b"Bad" in request.body else None
    make_due(record, title="Bad", body="Bad", max_retries=1)

    notifications = Notification.objects.filter(
        target_user_record__target__name="Twilio",
        status="SCHEDULED",
        scheduled_delivery__lte=timezone.now(),
    ).order_by("-title")
    responses = [send_notification(notification) for notification in notifications]

    assert responses[0] == "SMS Successfully sent!"
    assert responses[1].startswith("TwilioRestException: HTTP 503, code 20503")
    good, bad = Notification.objects.order_by("-title")
    assert good.status == Notification.DELIVERED
    assert good.attempted_delivery is not None
    assert good.provider_message_id.startswith("SM")
    assert bad.status == Notification.DELIVERY_FAILURE
    assert bad.retry_attempts == 1


def test_send_notification_overwrites_nothing_but_the_attempt(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record)
    Notification.objects.update(title="Changed meanwhile")

    send_notification(notification)

    notification.refresh_from_db()
    assert notification.title == "Changed meanwhile"
    assert notification.status == Notification.DELIVERED


def test_send_notification_deactivates_a_number_that_is_no_good(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    record.target_user_id = "+15005550009"
    record.save()
    notification = make_due(record)

    send_notification(notification)

    assert notification.target_user_record.active is False
    record.refresh_from_db()
    assert record.active is False
    notification.refresh_from_db()
    assert notification.status == Notification.INACTIVE_DEVICE


def test_send_notification_sends_nothing_to_a_user_who_opted_out(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    NotificationOptOut.objects.create(user=record.user, active=True)
    notification = make_due(record)

    assert send_notification(notification) == "Not sent: the user has opted out."

    assert providers.requests == []
    notification.refresh_from_db()
    assert notification.status == Notification.OPTED_OUT


def test_send_notification_raises_when_the_target_cannot_be_used(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, auth_token="")
    notification = make_due(record)

    with pytest.raises(TargetUnavailable, match="Set auth_token"):
        send_notification(notification)

    notification.refresh_from_db()
    assert notification.status == Notification.SCHEDULED


def test_send_notification_takes_a_notification_that_was_never_saved(
    providers: ProviderStandIn, record: TargetUserRecord
) -> None:
    notification = Notification(
        target_user_record=record, title="New", body="New", scheduled_delivery=timezone.now()
    )

    assert send_notification(notification) == "SMS Successfully sent!"

    assert Notification.objects.get().status == Notification.DELIVERED


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_send_notification_tells_the_projects_own_code(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    responses = []

    def remember(sender: Any, response: str, **kwargs: Any) -> None:
        responses.append(response)

    signals.notification_delivered.connect(remember)
    try:
        send_notification(make_due(record))
    finally:
        signals.notification_delivered.disconnect(remember)

    assert responses == ["SMS Successfully sent!"]


def test_a_missing_client_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "django_notification_system.notification_handlers.twilio"
    monkeypatch.delitem(sys.modules, name)
    real_import = builtins.__import__

    def without_twilio(module: str, *args: Any, **kwargs: Any) -> Any:
        if module.startswith("twilio."):
            raise ModuleNotFoundError("No module named 'twilio'")
        return real_import(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_twilio)

    with pytest.raises(ImportError, match=r"pip install django-notification-system\[twilio\]"):
        importlib.import_module(name)
