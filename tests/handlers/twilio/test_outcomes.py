"""Each row of the table of Twilio's faults, on a real socket."""

import logging
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.utils import timezone

from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.base import Outcome
from django_notification_system.notification_handlers.twilio import sending as twilio
from django_notification_system.notification_handlers.twilio.faults import (
    FAULTS,
    Trouble,
    Verdict,
    classify,
)
from django_notification_system.testing.providers import (
    Answer,
    ProviderStandIn,
    ReceivedRequest,
)
from tests.conftest import MakeDue
from tests.support.busy_records import check_short_wait
from tests.support.certificates import server_context
from tests.support.provider_support import (
    PATIENCE_SECONDS,
    SILENCE_SECONDS,
    Process,
    refused,
    time_limit,
)
from tests.support.raw_server import RawServer, Talk, reset, stop_writing, wait
from tests.support.rows import STATUS, Proofs, rows_counted
from tests.support.runs import wait_until
from tests.support.twilio_support import configure, refusal

LOGIN_PAGE = "<html><h1>planted-page: Welcome to the hotel's network</h1></html>"
proves = Proofs(FAULTS)

Prove = Callable[..., None]


def test_each_row_is_proved_by_a_test_that_names_it() -> None:
    proves.check()


@pytest.fixture
def prove(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> Prove:
    """A function that sends a message, and checks which row has counted and what came of it."""
    configure(settings, connections=1, timeout=PATIENCE_SECONDS, when_unknown="fail")
    judged: list[Outcome] = []

    def prove(name: str, **fields: Any) -> None:
        [fault] = [fault for fault in FAULTS if fault.name == name]
        notification = make_due(record, body="planted-body of some length", **fields)
        real = twilio.outcome

        def noted(*arguments: Any) -> Outcome:
            judged.append(real(*arguments))
            return judged[-1]

        with (
            caplog.at_level(logging.DEBUG, logger="django_notification_system"),
            mock.patch.object(twilio, "outcome", noted),
        ):
            printed = process()

        assert rows_counted(caplog, "Twilio") == [name]
        notification.refresh_from_db()
        assert notification.status == STATUS[fault.verdict]
        stopped = fault.verdict in (Verdict.STOPS, Verdict.SENDER_DOUBTED)
        down = fault.verdict in (Verdict.UNREACHABLE, Verdict.OUT_OF_ORDER)
        of_record = fault.verdict in (
            Verdict.ADDRESS_GONE,
            Verdict.HARD_BOUNCE,
            Verdict.OPTED_OUT,
        )
        assert notification.retry_attempts == (
            0 if STATUS[fault.verdict] == "SCHEDULED" or of_record else 1
        )
        assert [outcome.is_provider_down for outcome in judged] == (
            [] if fault.verdict is Verdict.STOPS else [down or fault.verdict is Verdict.UNKNOWN]
        )
        record.refresh_from_db()
        assert record.active is not of_record
        for text in (notification.response, caplog.text):
            assert "planted" not in text
        assert "planted-page" not in printed
        assert ("Correct " in printed) is stopped

    return prove


# --- What Twilio says -----------------------------------------------------------------------

#: The row, and an answer that it is for.
ANSWERS = [
    ("credentials refused", refusal(401, 20003, "Authenticate")),
    ("credentials refused", refusal(400, 20003, "Authenticate")),
    ("account not active", refusal(403, 20005, "Account is not active")),
    ("account not active", refusal(400, 10001, "Account is not active")),
    ("account not active", refusal(400, 90010, "Account is not active")),
    ("account not active", refusal(400, 30002, "Account suspended")),
    ("opted out", refusal(400, 21610, "Attempt to send to unsubscribed recipient")),
    ("no number", refusal(400, 21211, "The 'To' number is not a valid phone number.")),
    ("no mobile number", refusal(400, 21614, "'To' number is not a valid mobile number")),
    ("no mobile number", refusal(400, 21635, "'To' number cannot be a Landline")),
    ("number unknown", refusal(400, 30005, "Unknown destination handset")),
    ("landline or carrier out of reach", refusal(400, 30006, "Landline")),
    ("too many requests", refusal(429, 20429, "Too Many Requests")),
    ("too many requests", refusal(400, 63017, "Rate limit exceeded")),
    ("too many requests", refusal(429, 63038, "Account exceeded the daily messages limit")),
    ("queue full", refusal(429, 21611, "exceeded the maximum number of queued messages")),
    ("queue full", refusal(400, 30001, "Queue overflow")),
    ("phone out of reach", refusal(400, 30003, "Unreachable destination handset")),
    ("carrier does not say", refusal(400, 30008, "Unknown error")),
    ("later", Answer(status=429, text=LOGIN_PAGE)),
    ("later", refusal(429, 21999, "Slow down")),
    ("later", Answer(status=408, text="")),
    ("sender is none", refusal(400, 21212, "The 'From' number is not valid.")),
    ("sender refused", refusal(400, 21606, "The 'From' number is not yours.")),
    ("sender refused", refusal(400, 21659, "'From' is not a Twilio phone number")),
    ("sender refused", refusal(400, 21660, "Mismatch between the 'From' number and the account")),
    ("sender refused", refusal(400, 21661, "'From' number is not SMS-capable")),
    ("messaging service refused", refusal(404, 21701, "The Messaging Service does not exist")),
    ("messaging service refused", refusal(400, 21702, "The Messaging Service is not available")),
    ("messaging service refused", refusal(400, 21704, "contains no phone numbers")),
    ("messaging service refused", refusal(400, 21705, "The Messaging Service is invalid")),
    ("no sender in the messaging service", refusal(400, 21703, "no phone number available")),
    ("blocked by the person", refusal(400, 63014, "Channel message blocked by user action")),
    ("not on WhatsApp", refusal(400, 63003, "Channel could not find To address")),
    ("WhatsApp wants less", refusal(429, 63018, "Rate limit exceeded for Channel")),
    ("no sender for WhatsApp", refusal(400, 63007, "could not find a Channel with From")),
    ("outside a conversation", refusal(400, 63016, "outside the allowed window")),
    ("template refused", refusal(400, 63013, "Channel policy violation")),
    ("template refused", refusal(400, 63021, "Channel invalid content error")),
    ("template refused", refusal(400, 63027, "Template does not exist")),
    ("template refused", refusal(400, 63028, "Number of parameters does not match")),
    ("country not enabled", refusal(403, 21408, "Permission to send has not been enabled")),
    ("trial account", refusal(400, 21608, "The number is unverified.")),
    ("too long", refusal(400, 21617, "The concatenated message body exceeds the limit.")),
    ("blocked or filtered", refusal(400, 30004, "Message blocked")),
    ("blocked or filtered", refusal(400, 30007, "Message filtered")),
    ("refused", refusal(400, 21612, "The message cannot be routed.")),
    ("refused", refusal(400, 21609, "Invalid StatusCallback")),
    ("API refused", Answer(status=401, text=LOGIN_PAGE)),
    ("API refused", Answer(status=403, text=LOGIN_PAGE)),
    ("API refused", refusal(404, 20404, "The requested resource was not found")),
    ("API refused", Answer(status=407, text=LOGIN_PAGE)),
    ("API refused", Answer(status=301, text="", headers={"Location": "/elsewhere"})),
    ("API refused", Answer(status=307, text="", headers={"Location": "/elsewhere"})),
    ("request refused", Answer(status=400, text=LOGIN_PAGE)),
    ("request refused", refusal(400, 63999, "An error of tomorrow")),
    ("request refused", Answer(status=422, json=["odd"])),
    ("no answer behind the gateway", Answer(status=502, text=LOGIN_PAGE)),
    ("no answer behind the gateway", refusal(504, 20504, "Gateway Timeout")),
    ("API out of order", refusal(500, 20500, "Internal Server Error")),
    ("API out of order", refusal(503, 20503, "Service Unavailable")),
    ("API out of order", Answer(status=503, text=LOGIN_PAGE)),
    ("API out of order", Answer(status=520, text="")),
    ("no answer", Answer(close=True)),
    ("no answer", Answer(delay=10)),
    ("answer makes no sense", Answer(status=200, text=LOGIN_PAGE)),
    ("answer makes no sense", Answer(status=201, text='{"sid": "planted')),
    ("answer makes no sense", Answer(status=201, json=["planted"])),
    ("answer makes no sense", Answer(status=200, json={"status": "planted"})),
    ("answer makes no sense", Answer(status=204, text="")),
]


@proves(*{name for name, _ in ANSWERS})
@pytest.mark.parametrize(("name", "answer"), ANSWERS)
def test_an_answer_counts_as_its_row_says(
    name: str, answer: Answer, providers: ProviderStandIn, prove: Prove, settings: Any
) -> None:
    configure(settings, timeout=time_limit(answer))
    providers.on_request = refused(answer)

    prove(name)

    wait_until(lambda: len(providers.requests) == 1)


def test_a_second_that_whatsapp_asks_for_is_a_second(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    answer = refusal(429, 63018, "Rate limit exceeded for Channel", **{"Retry-After": "1"})
    check_short_wait(providers, make_due(record), refused(answer))


@proves("status callback refused")
def test_a_status_callback_of_the_settings_that_is_refused_stops_the_target(
    providers: ProviderStandIn, prove: Prove, settings: Any
) -> None:
    configure(settings, callback_url="https://localhost/status/")
    providers.on_request = refused(refusal(400, 21609, "Invalid StatusCallback"))

    prove("status callback refused")


def test_a_status_callback_of_a_notification_that_is_refused_stops_that_notification(
    providers: ProviderStandIn, prove: Prove, settings: Any
) -> None:
    configure(settings, callback_url="https://example.com/status/")
    providers.on_request = refused(refusal(400, 21609, "Invalid StatusCallback"))

    prove("refused", extra={"status_callback": "https://localhost/status/"})


@proves("anything else")
def test_what_makes_no_request_is_tried_again(prove: Prove) -> None:
    with mock.patch.object(twilio.Connection, "request", side_effect=OSError("planted-body")):
        prove("anything else")


@pytest.mark.parametrize("status", [400, 429, 500, 503])
@pytest.mark.parametrize(
    ("value", "hours"),
    [("7200", 2), ("{in_three_hours:%a, %d %b %Y %H:%M:%S GMT}", 3)],
)
def test_retry_after_is_kept_to_with_each_status(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    status: int,
    value: str,
    hours: int,
) -> None:
    code = 30001 if status == 400 else 20000 + status
    headers = {"Retry-After": value.format(in_three_hours=timezone.now() + timedelta(hours=3))}
    providers.on_request = refused(refusal(status, code, "Later", **headers))
    notification = make_due(record, retry_time_interval=0)

    process()

    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)
    paused_until = NotificationTarget.objects.get(name="Twilio").paused_until
    assert paused_until is not None
    assert abs(paused_until - timezone.now() - timedelta(hours=hours)) < timedelta(minutes=2)


def test_refused_credentials_are_said_once_and_stop_the_run_at_once(
    providers: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(settings, connections=4)
    providers.on_request = refused(refusal(401, 20003, "Authenticate"))
    for number in range(40):
        make_due(record, title=f"Message {number}")

    call_command("process_notifications")
    errors = [line for line in capsys.readouterr().err.splitlines() if "20003" in line]

    assert 1 <= len(providers.requests) <= 4
    assert set(Notification.objects.values_list("status", "retry_attempts")) == {("SCHEDULED", 0)}
    assert len(errors) == 1
    assert "Correct the credentials" in errors[0]


@pytest.mark.parametrize("code", [21701, 21703, 21704])
def test_a_messaging_service_of_a_notification_that_is_refused_fails_that_notification(
    code: int, providers: ProviderStandIn, prove: Prove
) -> None:
    providers.on_request = refused(refusal(400, code, "The Messaging Service has a fault"))

    prove("refused", extra={"messaging_service_sid": "MG0123456789"})


def test_a_sender_that_is_refused_for_one_number_fails_that_message_beside_others(
    providers: ProviderStandIn,
    process: Process,
    records: dict[str, TargetUserRecord],
    record: TargetUserRecord,
    make_due: MakeDue,
    user: Any,
) -> None:
    abroad = TargetUserRecord.objects.create(
        user=user, target=record.target, target_user_id="+4915100000000", active=True
    )
    refused_first = make_due(abroad)
    taken = make_due(record)
    refused_later = make_due(abroad, title="Another")

    def refuse_abroad(request: ReceivedRequest) -> Answer | None:
        is_abroad = b"4915100000000" in request.body
        return refusal(400, 21606, "The 'From' number is not valid") if is_abroad else None

    providers.on_request = refuse_abroad
    process()

    for notification, status in (
        (refused_first, "DELIVERY FAILURE"),
        (taken, "DELIVERED"),
        (refused_later, "DELIVERY FAILURE"),
    ):
        notification.refresh_from_db()
        assert notification.status == status


def test_after_a_hundred_refusals_of_the_sender_the_other_messages_are_not_tried(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    providers.on_request = refused(refusal(400, 21660, "Mismatch with the account"))
    for number in range(130):
        make_due(record, title=f"Message {number}")

    printed = process()

    assert 100 <= len(providers.requests) <= 120
    assert set(Notification.objects.values_list("status", "retry_attempts")) == {("SCHEDULED", 0)}
    assert "Correct sender in the target's settings" in printed


def test_after_credentials_are_corrected_the_next_run_delivers(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    providers.on_request = refused(refusal(401, 20003, "Authenticate"))
    notification = make_due(record)
    process()
    providers.on_request = None
    process()
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("DELIVERED", 0)


# --- Where no answer comes ------------------------------------------------------------------


def at_request(then: Talk) -> Talk:
    """Return what reads a request in full, and then does something in place of answering."""

    def talk(connection: socket.socket) -> None:
        received = b""
        while b"planted" not in received:
            if not (part := connection.recv(1 << 16)):
                return
            received += part
        then(connection)

    return talk


def drip(connection: socket.socket) -> None:
    """Write a byte at a time; the whole answer takes more than twice the time limit."""
    for byte in b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}":
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


@proves("no answer")
@pytest.mark.parametrize("then", [drip, stop_writing, reset, wait, lambda connection: None])
def test_a_connection_that_is_lost_after_the_request_may_have_carried_it(
    then: Talk, prove: Prove, settings: Any
) -> None:
    with RawServer(at_request(then)) as server:
        address = f"http://127.0.0.1:{server.port}"
        configure(settings, base_url=address, timeout=SILENCE_SECONDS)

        prove("no answer")

        assert server.connections == 1


@proves("no connection")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_where_nobody_listens_nothing_was_sent(
    host: str, providers: ProviderStandIn, prove: Prove, settings: Any
) -> None:
    configure(settings, base_url=f"http://{host}:{providers.port}")
    providers.stop()

    prove("no connection")


@proves("no connection")
@pytest.mark.parametrize("host", ["no-such-host.invalid", "127.0.0.1"])
def test_no_host_and_no_tls_are_no_connection(host: str, prove: Prove, settings: Any) -> None:
    with RawServer(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n")) as server:
        configure(settings, base_url=f"https://{host}:{server.port}")

        prove("no connection")


@proves("certificate not trusted")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_that_is_not_trusted_stops_the_target(
    host: str, prove: Prove, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = server_context(tmp_path)
    if host == "127.0.0.1":  # trusted, and another host's
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)

    def talk(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True).close()

    with RawServer(talk) as server:
        configure(settings, base_url=f"https://{host}:{server.port}")

        prove("certificate not trusted")


@proves("settings make no request")
@pytest.mark.parametrize("host", [".example.com", "a..b"])
def test_settings_of_which_no_request_can_be_made_stop_the_target(
    prove: Prove, settings: Any, host: str
) -> None:
    configure(settings, base_url=f"http://{host}")

    prove("settings make no request")


def test_what_is_not_foreseen_in_the_table_is_tried_again() -> None:
    assert classify(Trouble("")).name == "anything else"
    assert classify(Trouble("100")).name == "anything else"


def test_an_api_that_is_out_of_order_pauses_the_target_and_costs_no_attempts(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, connections=2)
    providers.on_request = refused(Answer(status=503, text=LOGIN_PAGE))
    for number in range(60):
        make_due(record, title=f"Message {number}")

    call_command("process_notifications", verbosity=0)

    assert len(providers.requests) < 20
    assert set(Notification.objects.values_list("status", "retry_attempts")) == {("SCHEDULED", 0)}
