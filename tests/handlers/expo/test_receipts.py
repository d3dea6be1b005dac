"""Expo's receipts: what Apple and Google said of a message, asked for on a real socket."""

import contextlib
import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.expo.receipts import (
    RECEIPTS_IN_A_REQUEST,
    ask_for_receipts,
)
from django_notification_system.notification_handlers.expo.settings import expo_settings
from django_notification_system.testing.providers import Answer, ProviderStandIn, ReceivedRequest
from tests.conftest import MakeDue
from tests.support import forked
from tests.support.cases import one_of_each
from tests.support.certificates import server_context
from tests.support.expo_support import configure, errors
from tests.support.places import ROOT
from tests.support.provider_support import (
    PATIENCE_SECONDS,
    SILENCE_SECONDS,
    Process,
    provider_on_ipv6,
    refused,
    time_limit,
)
from tests.support.raw_server import RawServer, Talk, stop_writing
from tests.support.runs import make_many
from tests.support.subprocesses import environment_of

RECEIPTS_PATH = "/--/api/v2/push/getReceipts"


@pytest.fixture(autouse=True)
def at_once(providers: ProviderStandIn, settings: Any) -> None:
    """Receipts are asked for in the very run that sends."""
    configure(settings, receipts_after=0)


def move_to(record: TargetUserRecord, token: str) -> None:
    record.target_user_id = f"ExponentPushToken[{token}]"
    record.save()


def asked(providers: ProviderStandIn) -> list[list[str]]:
    return [
        request.json()["ids"]
        for request in providers.requests
        if request.path.endswith(RECEIPTS_PATH)
    ]


def to_receipts(answer: Answer) -> Callable[[ReceivedRequest], Answer | None]:
    """An ``on_request`` that answers so to each request for receipts, and as usual to others."""
    return lambda request: answer if request.path.endswith(RECEIPTS_PATH) else None


def only() -> Notification:
    return Notification.objects.select_related("target_user_record").get()


def is_asked_about_later(notification: Notification) -> bool:
    """Tell whether Expo was asked about it in vain, and not whether it is still due."""
    due_at = notification.receipt_due_at
    assert due_at is not None
    assert notification.provider_status == ""
    return due_at > timezone.now()


# --- What receipts say ----------------------------------------------------------------------


def test_a_good_receipt_confirms(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(record)

    assert process().endswith("1 Delivered\nReceipts: 1 confirmed, 0 failed.\n")

    notification = only()
    assert (notification.status, notification.provider_status) == ("DELIVERED", "ok")
    assert notification.confirmed_at is not None
    assert notification.response == "Notification Successfully Pushed!"
    assert asked(providers) == [[notification.provider_message_id]]
    [_, request] = providers.requests
    assert request.headers["content-type"] == "application/json"


def test_a_device_that_is_gone_is_switched_off(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    move_to(record, "ReceiptDeviceNotRegistered")
    make_due(record)

    assert "Receipts: 0 confirmed, 1 failed.\n" in process()

    notification = only()
    assert notification.status == "INACTIVE DEVICE"
    assert notification.provider_status == "DeviceNotRegistered"
    assert notification.response == (
        "Expo reports: DeviceNotRegistered: The message to"
        ' "the push token" was refused: DeviceNotRegistered'
    )
    assert notification.target_user_record.active is False
    assert list(NotificationAttempt.objects.values_list("result", flat=True)) == ["REPORTED FAILED"]


@pytest.mark.parametrize(
    ("named", "active"),
    [(None, True), ("ExponentPushToken[old]", True), ("ExponentPushToken[new]", False)],
)
def test_a_phone_with_a_new_token_stays_on(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    named: str | None,
    active: bool,
) -> None:
    move_to(record, "ReceiptNever old")
    make_due(record)
    process()
    move_to(record, "new")
    Notification.objects.update(receipt_due_at=timezone.now())
    details = {"error": "DeviceNotRegistered", "expoPushToken": named}
    receipt = {"status": "error", "message": "Gone.", "details": details}
    providers.on_request = refused(
        Answer(status=200, json={"data": {only().provider_message_id: receipt}})
    )

    process()

    assert only().provider_status == "DeviceNotRegistered"
    assert only().target_user_record.active is active


def test_thousands_of_receipts_are_fetched_in_hundreds(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord
) -> None:
    make_many(record, 1000)
    never = TargetUserRecord.objects.create(
        user=record.user,
        target=record.target,
        target_user_id="ExponentPushToken[ReceiptNever]",
        description="A tablet in a drawer",
    )
    make_many(never, 200)

    assert "Receipts: 1000 confirmed, 0 failed.\n" in process()

    sizes = sorted(map(len, asked(providers)))
    assert sizes == [300, 300, 300, 300]
    assert sizes[-1] == RECEIPTS_IN_A_REQUEST
    assert Notification.objects.filter(provider_status="ok", receipt_due_at=None).count() == 1000
    assert Notification.objects.filter(receipt_due_at__gt=timezone.now()).count() == 200
    before = len(providers.requests)
    process()
    assert len(providers.requests) == before


def test_an_id_that_expo_refuses_spoils_no_other(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord
) -> None:
    make_many(record, 20)
    poisoned = providers.received

    def refuse(request: ReceivedRequest) -> Answer | None:
        if request.path.endswith(RECEIPTS_PATH) and poisoned[7].message_id in request.json()["ids"]:
            return errors(400, "VALIDATION_ERROR", '"ids[7]" is not a valid id')
        return None

    providers.on_request = refuse
    assert "Receipts: 19 confirmed, 0 failed.\n" in process()
    [left] = Notification.objects.exclude(provider_status="ok")
    assert is_asked_about_later(left)


def test_expo_may_take_fewer_at_a_time(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord
) -> None:
    def refuse_many(request: ReceivedRequest) -> Answer | None:
        if request.path.endswith(RECEIPTS_PATH) and len(request.json()["ids"]) > 10:
            return errors(400, "PUSH_TOO_MANY_RECEIPTS")
        return None

    providers.on_request = refuse_many
    make_many(record, 35)
    assert "Receipts: 35 confirmed, 0 failed.\n" in process()


@pytest.mark.parametrize(
    "receipt", [None, "odd", 3, [], {}, {"status": "maybe"}, {"status": None, "details": "odd"}]
)
def test_a_receipt_that_makes_no_sense_is_asked_for_again(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    receipt: Any,
) -> None:
    def answer(request: ReceivedRequest) -> Answer | None:
        if not request.path.endswith(RECEIPTS_PATH):
            return None
        [message_id] = request.json()["ids"]
        return Answer(status=200, json={"data": {message_id: receipt, "another's": {}}})

    providers.on_request = answer
    make_due(record)
    process()
    assert only().status == "DELIVERED"
    assert is_asked_about_later(only())


@pytest.mark.parametrize("details", [None, "odd", [], {"error": None}, {"error": 3}])
def test_a_failure_may_say_little(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    details: Any,
) -> None:
    def answer(request: ReceivedRequest) -> Answer | None:
        if not request.path.endswith(RECEIPTS_PATH):
            return None
        receipt = {"status": "error", "message": None, "details": details}
        return Answer(status=200, json={"data": {request.json()["ids"][0]: receipt}})

    providers.on_request = answer
    make_due(record)
    process()
    assert only().status == "DELIVERY FAILURE"
    assert only().response.startswith("Expo reports: ")


# --- Expo cannot be asked -------------------------------------------------------------------

LATER = "Receipts are asked for again in the next run.\n"
SETTINGS = "Correct the credentials and base_url in the target's settings.\n"


FAULTS: list[tuple[Answer, str]] = [
    (Answer(status=200, text="<html>The hotel's network</html>"), LATER),
    (Answer(status=200, json=["odd"]), LATER),
    (Answer(status=200, json={"data": "odd"}), LATER),
    (Answer(status=429, text="slow down"), LATER),
    (errors(400, "TOO_MANY_REQUESTS"), LATER),
    (Answer(status=502, text="<html>Bad Gateway</html>"), LATER),
    (Answer(status=503, text="<html>Service Unavailable</html>"), LATER),
    (Answer(close=True), LATER),
    (Answer(delay=10), LATER),
    (Answer(status=403, text="<html>Forbidden</html>"), SETTINGS),
    (Answer(status=404, text="<html>Not Found</html>"), SETTINGS),
    (Answer(status=302, text="", headers={"Location": "/elsewhere"}), SETTINGS),
    (errors(401, "UNAUTHORIZED", "The bearer token is not valid."), SETTINGS),
]
#: With more messages than a request asks about; by day the others have few, as each of them ends
#: the questions in the same way.
WITH_MANY = one_of_each(FAULTS, lambda fault: fault[1])


@pytest.mark.parametrize(("answer", "said"), FAULTS)
def test_a_fault_does_no_harm_and_is_said_once(
    providers: ProviderStandIn,
    record: TargetUserRecord,
    settings: Any,
    capsys: pytest.CaptureFixture[str],
    answer: Answer,
    said: str,
) -> None:
    configure(settings, timeout=time_limit(answer), connections=1)
    number = RECEIPTS_IN_A_REQUEST + 1 if (answer, said) in WITH_MANY else 3
    make_many(record, number)
    providers.on_request = to_receipts(answer)

    call_command("process_notifications")

    printed = capsys.readouterr()
    assert "eceipt" not in printed.out
    assert printed.err.count("Expo's receipts cannot be fetched. ") == 1
    assert said in printed.err
    assert len(asked(providers)) == 1
    notifications = Notification.objects.filter(
        status="DELIVERED", receipt_due_at__lte=timezone.now()
    )
    assert notifications.count() == number

    providers.on_request = None
    configure(settings, timeout=PATIENCE_SECONDS, connections=1)
    call_command("process_notifications", "--receipts-only")
    assert capsys.readouterr() == ("", f"Receipts: {number} confirmed, 0 failed.\n")


def test_who_wants_to_know_gets_an_exit_status(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(record)
    providers.on_request = to_receipts(Answer(status=503, text="down"))
    with pytest.raises(CommandError, match="Receipts could not be fetched"):
        process("--fail-on-error")


def test_what_the_target_cannot_do_now_is_not_tried_twice(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    move_to(record, "ReceiptNever")
    make_due(record, title="first")
    process()
    Notification.objects.update(receipt_due_at=timezone.now())
    providers.on_request = refused(errors(401, "UNAUTHORIZED"))
    make_due(record, title="second")
    before = len(providers.requests)
    assert process().count("UNAUTHORIZED") == 2  # in the block, and on standard error
    assert len(providers.requests) == before + 1


def reading(connection: socket.socket) -> bytes:
    """Read a request to its end, and return its head."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65536)
    start, _, rest = head.partition(b"\r\n\r\n")
    length = int(start.lower().partition(b"content-length:")[2].split()[0])
    while len(rest) < length:
        rest += connection.recv(65536)
    return head


def drip(connection: socket.socket) -> None:
    """Answer well, a byte at a time: none is long in coming, all take more than twice the limit."""
    is_of_receipts = RECEIPTS_PATH.encode() in reading(connection)
    said = b'{"data": {}}' if is_of_receipts else b'{"data": [{"status": "ok", "id": "late"}]}'
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + b" " * 50 + said
    with contextlib.suppress(OSError):
        for byte in answer:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)


def half_close(connection: socket.socket) -> None:
    reading(connection)
    stop_writing(connection)


def cut_off(connection: socket.socket) -> None:
    reading(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{"data": {')


@pytest.mark.parametrize("talk", [drip, half_close, cut_off])
def test_replies_that_do_not_end_are_given_up(
    process: Process, record: TargetUserRecord, make_due: MakeDue, settings: Any, talk: Talk
) -> None:
    move_to(record, "ReceiptNever")
    make_due(record)
    process()
    Notification.objects.update(receipt_due_at=timezone.now())
    with RawServer(talk) as server:
        address = f"http://{server.host}:{server.port}"
        configure(settings, base_url=address, timeout=SILENCE_SECONDS)
        assert LATER in process()
    assert not is_asked_about_later(only())


@pytest.mark.parametrize("talk", [drip, half_close, cut_off])
def test_messages_whose_reply_does_not_end_are_unknown(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    talk: Talk,
) -> None:
    make_due(record)
    with RawServer(talk) as server:
        address = f"http://{server.host}:{server.port}"
        configure(settings, base_url=address, timeout=SILENCE_SECONDS)
        assert "the message went out, or it did not" in process()
    assert only().status == "RETRY"


def test_a_server_with_another_certificate_is_told_nothing(
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    tmp_path: Path,
) -> None:
    move_to(record, "ReceiptNever")
    make_due(record)
    process()
    Notification.objects.update(receipt_due_at=timezone.now())
    context, _ = server_context(tmp_path)
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
            heard.append(tls.recv(65536))

    with RawServer(talk) as server:
        configure(settings, base_url=f"https://localhost:{server.port}")
        assert "have the machine trust this certificate" in process()
    assert b"".join(heard) == b""


def test_receipts_come_over_ipv6_too(
    process: Process, record: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    with provider_on_ipv6() as stand_in:
        configure(settings, base_url=f"{stand_in.url}/proxy/")
        make_due(record)
        assert "Receipts: 1 confirmed, 0 failed.\n" in process()
        assert [request.path for request in stand_in.requests][1] == f"/proxy{RECEIPTS_PATH}"


# --- Secrets, and projects without Expo -----------------------------------------------------

#: What is in a request for receipts, and what Expo knows of a message.
REQUEST_SECRETS = "planted-access-token for ExponentPushToken[ReceiptNever]"
MESSAGE_SECRETS = f"{REQUEST_SECRETS}: a secret, planted-body"


@pytest.mark.parametrize(
    "answer",
    [
        errors(401, "UNAUTHORIZED", REQUEST_SECRETS),
        errors(503, "INTERNAL_SERVER_ERROR", REQUEST_SECRETS),
        Answer(status=400, json={"errors": [REQUEST_SECRETS, None, 3]}),
        Answer(status=200, text=f"<html>{MESSAGE_SECRETS}</html>"),
        Answer(close=True),
        "receipt",
    ],
)
def test_neither_tokens_nor_bodies_reach_database_output_or_log(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    answer: Any,
) -> None:
    caplog.set_level(logging.DEBUG)
    configure(settings, access_token="planted-access-token")
    move_to(record, "ReceiptNever")
    make_due(record, body="a secret, planted-body")
    process()
    Notification.objects.update(receipt_due_at=timezone.now())
    if answer == "receipt":
        receipt = {
            "status": "error",
            "message": MESSAGE_SECRETS,
            "details": {"error": MESSAGE_SECRETS},
        }
        answer = Answer(status=200, json={"data": {only().provider_message_id: receipt}})
    providers.on_request = refused(answer)

    output = process("--verbosity=3")

    assert providers.requests[-1].headers["authorization"] == "Bearer planted-access-token"
    stored = [
        str(value)
        for model in (Notification, NotificationAttempt)
        for row in model._default_manager.values()
        for name, value in row.items()
        if name != "body"
    ]
    for text in (output, caplog.text, *stored):
        assert "planted" not in text
        assert "ReceiptNever" not in text


def test_a_project_without_the_client_notices_nothing() -> None:
    """The command asks for receipts, and does not even look for the handler."""
    script = """
import sys
sys.modules["exponent_server_sdk"] = None
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes",
                    "django_notification_system"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=True,
)
django.setup()
from django.core.management import call_command
from django.utils import timezone
call_command("migrate", verbosity=0)
call_command("process_notifications")
call_command("process_notifications", "--receipts-only")
assert "django_notification_system.notification_handlers.expo.sending" not in sys.modules
"""
    done = forked.run(["-c", script], folder=ROOT, environment=environment_of({}))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_password_of_a_proxy_is_not_shown(settings: Any) -> None:
    configure(settings, base_url="https://proxy:planted-password@expo.example")

    class Refusing(requests.Session):
        def post(self, *args: Any, **kwargs: Any) -> Any:
            raise requests.ConnectionError("planted-password is wrong")

    with pytest.raises(TargetUnavailable, match=r"\*\*\* is wrong"):
        list(ask_for_receipts(expo_settings(), Refusing(), ["1"]))
