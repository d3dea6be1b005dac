"""Each row of the table of Expo's faults, on a real socket."""

import contextlib
import logging
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.expo import Message, deliver
from django_notification_system.notification_handlers.expo.faults import FAULTS
from django_notification_system.notification_handlers.faults import Verdict
from django_notification_system.testing.providers import (
    Answer,
    ProviderStandIn,
    ReceivedRequest,
)
from tests.conftest import MakeDue
from tests.support.certificates import server_context
from tests.support.expo_support import configure, errors, statuses, ticket
from tests.support.provider_support import PATIENCE_SECONDS, Process, refused, time_limit
from tests.support.raw_server import RawServer
from tests.support.rows import STATUS, Proofs, prove_row, rows_counted
from tests.support.runs import make_many, wait_until

proves = Proofs(FAULTS)

Prove = Callable[..., None]


def test_each_row_is_proved_by_a_test_that_names_it() -> None:
    proves.check()


@pytest.fixture
def prove(
    providers: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> Prove:
    """A function that sends a message, and checks which row has counted and what came of it."""

    def prove(name: str, timeout: float = PATIENCE_SECONDS) -> None:
        configure(settings, when_unknown="fail", timeout=timeout)
        notification = make_due(record, body="planted-body")
        prove_row(proves.row(name), "Expo", notification, caplog, secrets=["planted-body"])

    return prove


#: The row, and what Expo answers.
ANSWERS: list[tuple[str, Answer]] = [
    ("access token refused", errors(401, "UNAUTHORIZED", "The bearer token is not valid.")),
    ("access token refused", errors(400, "UNAUTHORIZED", "Access is denied.")),
    ("project refused", Answer(status=401, text="<html>Unauthorized</html>")),
    ("project refused", Answer(status=403, text="<html>Forbidden</html>")),
    ("project refused", Answer(status=404, text="<html>Not Found</html>")),
    ("project refused", Answer(status=407, text="<html>Proxy Authentication Required</html>")),
    ("redirect", Answer(status=302, text="", headers={"Location": "/elsewhere"})),
    ("too many requests", errors(429, "TOO_MANY_REQUESTS", "Slow down.")),
    ("too many requests", errors(400, "TOO_MANY_REQUESTS", "Slow down.")),
    ("slow down", Answer(status=429, text="slow down")),
    ("slow down", Answer(status=408, text="<html>Request Timeout</html>")),
    ("no answer behind the gateway", Answer(status=502, text="<html>Bad Gateway</html>")),
    ("no answer behind the gateway", Answer(status=504, text="<html>Gateway Timeout</html>")),
    ("service down", errors(500, "INTERNAL_SERVER_ERROR", "Oh.")),
    ("service down", Answer(status=503, text="<html>Service Unavailable</html>")),
    ("service down", Answer(status=520, text="<html>Web server returns something</html>")),
    ("messages of several projects", errors(400, "PUSH_TOO_MANY_EXPERIENCE_IDS")),
    ("too many at once", errors(400, "PUSH_TOO_MANY_NOTIFICATIONS")),
    ("malformed", errors(400, "VALIDATION_ERROR", '"[0].badge" must be a number')),
    ("malformed", Answer(status=413, text="<html>Payload Too Large</html>")),
    ("refused in a good answer", errors(200, "API_ERROR")),
    ("no answer", Answer(close=True)),
    ("no answer", Answer(delay=10)),
    ("answer without tickets", Answer(status=200, text="<html>The hotel's network</html>")),
    ("answer without tickets", Answer(status=200, json={"data": []})),
    ("answer without tickets", Answer(status=200, json={"errors": []})),
    ("answer without tickets", Answer(status=200, json={"data": ["odd"]})),
    ("device not registered", ticket("DeviceNotRegistered")),
    ("message too big", ticket("MessageTooBig")),
    ("too many messages to a device", ticket("MessageRateExceeded")),
    ("wrong credentials", ticket("InvalidCredentials")),
    ("wrong credentials", ticket("MismatchSenderId")),
    ("other ticket with an error", ticket("SomethingNew")),
    ("other ticket with an error", Answer(status=200, json={"data": [{"status": "error"}]})),
    (
        "ticket that makes no sense",
        Answer(status=200, json={"data": [{"status": "maybe", "details": "odd"}]}),
    ),
]


@proves(*(row for row, _ in ANSWERS))
@pytest.mark.parametrize(("row", "answer"), ANSWERS)
def test_what_expo_answers(
    prove: Prove, providers: ProviderStandIn, row: str, answer: Answer
) -> None:
    providers.on_request = refused(answer)
    prove(row, timeout=time_limit(answer))
    wait_until(lambda: len(providers.requests) == 1)


@proves("no connection")
def test_no_connection(prove: Prove, providers: ProviderStandIn) -> None:
    providers.stop()
    prove("no connection")


@proves("settings make no request")
@pytest.mark.parametrize("host", ["127.0.0.1:99999999", "a..b"])
def test_settings_that_make_no_request(prove: Prove, settings: Any, host: str) -> None:
    configure(settings, base_url=f"http://{host}")
    prove("settings make no request")


@proves("settings make no request")
def test_an_access_token_that_fits_no_header(prove: Prove, settings: Any) -> None:
    configure(settings, access_token="planted\N{EN DASH}token")
    prove("settings make no request")


@proves("not Expo's certificate")
def test_a_certificate_that_is_not_trusted(prove: Prove, settings: Any, tmp_path: Path) -> None:
    context, _ = server_context(tmp_path)

    def greet(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            context.wrap_socket(connection, server_side=True).close()

    with RawServer(greet) as server:
        configure(settings, base_url=f"https://localhost:{server.port}")
        prove("not Expo's certificate")


@proves("cannot be written")
def test_what_cannot_be_written_down(
    prove: Prove, monkeypatch: pytest.MonkeyPatch, providers: ProviderStandIn
) -> None:
    def refuse(message: Any) -> Any:
        raise ValueError("no such message")

    monkeypatch.setattr(Message, "get_payload", refuse)
    prove("cannot be written")
    assert providers.requests == []


@pytest.mark.parametrize(
    ("answer", "unreachable"),
    [
        (Answer(status=503, text="down"), True),
        (errors(500, "INTERNAL_SERVER_ERROR"), True),
        (Answer(status=504, text="no answer"), True),
        (Answer(status=429, text="slow down"), False),
        (errors(400, "TOO_MANY_REQUESTS"), False),
        (ticket("MessageRateExceeded"), False),
    ],
)
def test_the_engine_is_told_that_expo_is_down(
    providers: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    answer: Answer,
    unreachable: bool,
) -> None:
    providers.on_request = refused(answer)
    [outcome] = deliver([make_due(record)])
    assert outcome.is_provider_down is unreachable


def test_the_engine_is_told_that_there_is_no_connection(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    providers.stop()
    [outcome] = deliver([make_due(record)])
    assert outcome.unreachable


# --- Receipts -------------------------------------------------------------------------------

#: The row, and the error that a receipt has.
RECEIPTS = [
    ("device not registered any more", "DeviceNotRegistered"),
    ("message too big for the device", "MessageTooBig"),
    ("too many messages to the device", "MessageRateExceeded"),
    ("credentials refused", "InvalidCredentials"),
    ("credentials refused", "MismatchSenderId"),
    ("credentials refused", "InvalidProviderToken"),
    ("other receipt with an error", "SomethingNew"),
    ("other receipt with an error", ""),
]


@proves(*(row for row, _ in RECEIPTS))
@pytest.mark.parametrize(("row", "error"), RECEIPTS)
def test_what_a_receipt_says(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    caplog: pytest.LogCaptureFixture,
    row: str,
    error: str,
) -> None:
    [fault] = [fault for fault in FAULTS if fault.name == row]
    notification = make_due(record)
    process()
    notification.refresh_from_db()
    receipt = {"status": "error", "message": "No, no.", "details": {"error": error}}
    providers.on_request = refused(
        Answer(status=200, json={"data": {notification.provider_message_id: receipt}})
    )
    Notification.objects.update(receipt_due_at=timezone.now())

    with caplog.at_level(logging.DEBUG, logger="django_notification_system"):
        process()

    assert rows_counted(caplog, "Expo") == [row]
    notification.refresh_from_db()
    record.refresh_from_db()
    assert notification.status == STATUS[fault.verdict]
    assert notification.provider_status == (error or "error")
    assert "No, no." in notification.response
    assert fault.hint in notification.response
    assert record.active is (fault.verdict is not Verdict.ADDRESS_GONE)


# --- Requests of many messages --------------------------------------------------------------


@pytest.mark.odd_requests
def test_one_message_of_a_hundred_that_expo_refuses_does_not_hold_up_the_others(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    # Release 1.5.3 let texts through where Expo wants numbers, and so the whole request is refused.
    poison = make_due(record, title="Poison", extra={"badge": "3"})
    make_many(record, 99)

    process()

    assert statuses() == {"DELIVERED": 99, "DELIVERY FAILURE": 1}
    poison.refresh_from_db()
    assert poison.status == Notification.DELIVERY_FAILURE
    assert poison.response == (
        'PushServerError: HTTP 400, VALIDATION_ERROR: "[0].badge" must be a number'
    )
    assert len(providers.requests) <= 15  # the whole, and two halves at each of seven steps


def test_a_request_that_is_too_large_is_split(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord
) -> None:
    def refuse_large(request: ReceivedRequest) -> Answer | None:
        too_large = len(request.json()) > 10
        return Answer(status=413, text="<html>Too Large</html>") if too_large else None

    providers.on_request = refuse_large
    make_many(record, 40)

    process()

    assert statuses() == {"DELIVERED": 40}


def test_a_half_that_gets_no_answer_is_not_taken_for_refused(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord
) -> None:
    providers.answers.extend(
        [errors(400, "VALIDATION_ERROR"), Answer(close=True), Answer(close=True)]
    )
    make_many(record, 2)

    process()

    assert statuses() == {"RETRY": 2}


def test_messages_of_two_expo_projects_are_sent_apart(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    other = TargetUserRecord.objects.create(
        user=record.user,
        target=record.target,
        target_user_id="ExponentPushToken[other]",
        description="Another app",
    )

    def refuse_mixed(request: ReceivedRequest) -> Answer | None:
        tokens = {message["to"] for message in request.json()}
        if len(tokens) == 1:
            return None
        details = {"@eggs/one": [record.target_user_id], "@eggs/two": [other.target_user_id]}
        return errors(400, "PUSH_TOO_MANY_EXPERIENCE_IDS", "Mixed.", details=details)

    providers.on_request = refuse_mixed
    for number in range(8):
        make_due(record, title=f"Message {number}")
        make_due(other, title=f"Message {number}")

    process()

    assert statuses() == {"DELIVERED": 16}
    assert len(providers.requests) == 3


@pytest.mark.parametrize("second", [7, ["ExponentPushToken[eggs-benedict]"]])
def test_names_of_projects_that_make_no_sense_neither_lose_nor_double_a_message(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue, second: Any
) -> None:
    other = TargetUserRecord.objects.create(
        user=record.user, target=record.target, target_user_id="ExponentPushToken[other]"
    )

    def refuse_mixed(request: ReceivedRequest) -> Answer | None:
        if len(request.json()) == 1:
            return None
        details = {"@eggs/one": [record.target_user_id], "@eggs/two": second}
        return errors(400, "PUSH_TOO_MANY_EXPERIENCE_IDS", "Mixed.", details=details)

    providers.on_request = refuse_mixed
    notifications = [make_due(record), make_due(other)]

    outcomes = list(deliver(notifications))

    assert sorted(message.to for message in providers.received) == [
        record.target_user_id,
        other.target_user_id,
    ]
    assert [outcome.notification for outcome in outcomes] == notifications


def test_one_refused_ticket_leaves_its_neighbours_alone(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    gone = TargetUserRecord.objects.create(
        user=record.user,
        target=record.target,
        target_user_id="ExponentPushToken[DeviceNotRegistered]",
        description="Old phone",
    )
    make_many(record, 5)
    make_due(gone)
    make_many(record, 5, body="More")

    process()

    assert statuses() == {"DELIVERED": 10, "INACTIVE DEVICE": 1}


@pytest.mark.parametrize(
    "answer",
    [
        errors(401, "UNAUTHORIZED", "The bearer token is not valid."),
        errors(400, "UNAUTHORIZED", "Access is denied."),
        Answer(status=403, text="<html>Forbidden</html>"),
        Answer(status=404, text="<html>Not Found</html>"),
        Answer(status=302, text="", headers={"Location": "/elsewhere"}),
    ],
)
def test_refused_credentials_stop_the_target_and_cost_no_attempt(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    settings: Any,
    answer: Answer,
) -> None:
    configure(settings, connections=1)
    providers.on_request = refused(answer)
    make_many(record, 150)

    assert "Correct the credentials and base_url" in process()

    assert len(providers.requests) == 1
    assert statuses() == {"SCHEDULED": 150}
    assert not Notification.objects.exclude(retry_attempts=0).exists()


def test_no_retry_comes_before_the_time_that_expo_names(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    providers.on_request = refused(
        Answer(status=429, text="slow down", headers={"Retry-After": "7200"})
    )
    notification = make_due(record, retry_time_interval=0)

    process()

    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)
    paused_until = NotificationTarget.objects.get(name="Expo").paused_until
    assert paused_until is not None
    assert timedelta(minutes=118) < paused_until - timezone.now() <= timedelta(hours=2)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(close=True),
        Answer(delay=10),
        Answer(status=504, text="<html>Gateway Timeout</html>"),
        Answer(status=200, text="<html>Welcome to the hotel's network</html>"),
        Answer(status=200, json={"data": []}),
        Answer(status=200, json={"data": [{"status": "ok", "id": "1"}]}),
        Answer(status=200, json={"data": {"status": "ok"}}),
        Answer(status=200, json={"data": ["ok", "ok", "ok"]}),
        Answer(status=200, json={"data": None}),
        Answer(status=200, json={"hello": 1}),
        Answer(status=200, json=["odd"]),
        Answer(status=200, json=None),
        Answer(status=200, json={"errors": []}),
        Answer(
            status=200,
            json={"data": [{"status": "error", "details": "odd", "message": 5}] * 3},
        ),
    ],
)
@pytest.mark.parametrize(
    ("when_unknown", "status"),
    [("retry", Notification.RETRY), ("fail", Notification.DELIVERY_FAILURE)],
)
def test_a_request_without_an_answer_is_unknown_and_the_project_decides(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    settings: Any,
    answer: Answer,
    when_unknown: str,
    status: str,
) -> None:
    configure(settings, timeout=time_limit(answer), when_unknown=when_unknown)
    providers.on_request = refused(answer)
    make_many(record, 3)

    assert "the message went out, or it did not" in process()

    assert len(providers.requests) == 1
    assert statuses() == {status: 3}
