"""Each row of the table of FCM's faults, on a real socket."""

import contextlib
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system.delivery.runs.run import Run
from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.fcm.faults import FAULTS
from django_notification_system.notification_handlers.fcm.sending import deliver
from django_notification_system.testing.fcm_api import BAD_REQUEST, QUOTA_FAILURE
from django_notification_system.testing.providers import (
    Answer,
    ProviderStandIn,
    ReceivedRequest,
)
from tests.conftest import MakeDue
from tests.support.busy_records import check_short_wait
from tests.support.certificates import server_context
from tests.support.fcm_support import SENDS, TOKEN, TOKEN_PATH, configure, fcm_error
from tests.support.provider_support import PATIENCE_SECONDS, time_limit
from tests.support.raw_server import RawServer
from tests.support.rows import Proofs, prove_row
from tests.support.runs import wait_until

proves = Proofs(FAULTS)
DETAILS_OF_GOOGLE = {
    "@type": BAD_REQUEST,
    "fieldViolations": [{"field": "message.token", "description": "Invalid registration token"}],
}
OTHER_FIELD = {
    "@type": BAD_REQUEST,
    "fieldViolations": [{"field": "message.data[0].value", "description": "(TYPE_STRING), 12"}],
}
OF_DEVICE = {
    "@type": QUOTA_FAILURE,
    "violations": [{"subject": "device", "description": "Device message rate exceeded"}],
}

Prove = Callable[..., None]


def test_each_row_is_proved_by_a_test_that_names_it() -> None:
    proves.check()


@pytest.fixture
def prove(
    fcm: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> Prove:
    """A function that sends a message, and checks which row has counted and what came of it."""

    def prove(name: str, timeout: float = PATIENCE_SECONDS) -> None:
        configure(settings, when_unknown="fail", timeout=timeout)
        notification = make_due(record, body="planted-body")
        prove_row(
            proves.row(name),
            "FCM",
            notification,
            caplog,
            secrets=["planted-body", TOKEN, "ya29.", "PRIVATE KEY"],
        )

    return prove


def at(path: str, answer: Answer) -> Callable[[ReceivedRequest], Answer | None]:
    return lambda request: answer if request.path.endswith(path) else None


def sends_of(fcm: ProviderStandIn) -> list[ReceivedRequest]:
    return [request for request in fcm.requests if request.path.endswith(SENDS)]


def tokens_asked(fcm: ProviderStandIn) -> int:
    return len(fcm.requests) - len(sends_of(fcm))


#: The row, and what FCM answers to a message.
ANSWERS: list[tuple[str, Answer]] = [
    ("app removed", fcm_error(404, "UNREGISTERED")),
    (
        "no registration token",
        fcm_error(400, "INVALID_ARGUMENT", "The registration token is not a valid FCM…"),
    ),
    ("no registration token", fcm_error(400, "INVALID_ARGUMENT", "Request", DETAILS_OF_GOOGLE)),
    ("token of another project", fcm_error(403, "SENDER_ID_MISMATCH", "SenderId mismatch")),
    (
        "credentials of Apple or of web push refused",
        fcm_error(401, "THIRD_PARTY_AUTH_ERROR", "Auth error from APNS or Web Push Service"),
    ),
    ("credentials of Apple or of web push refused", fcm_error(401, "APNS_AUTH_ERROR")),
    ("too many messages to a device", fcm_error(429, "QUOTA_EXCEEDED", "Quota", OF_DEVICE)),
    ("quota used up", fcm_error(429, "QUOTA_EXCEEDED", "Messaging service quota exceeded.")),
    ("quota used up", Answer(status=429, text="<html>slow down</html>")),
    ("message refused", fcm_error(400, "INVALID_ARGUMENT", "Android message is too big")),
    ("message refused", fcm_error(400, "INVALID_ARGUMENT", "Invalid value", OTHER_FIELD)),
    ("message refused", Answer(status=400, json={"error": {"message": "registration token"}})),
    ("message refused", Answer(status=413, text="<html>Payload Too Large</html>")),
    ("project refused", Answer(status=401, json={"error": {"status": "UNAUTHENTICATED"}})),
    ("project refused", Answer(status=403, json={"error": {"status": "PERMISSION_DENIED"}})),
    ("project refused", Answer(status=403, text="<html>Forbidden</html>")),
    ("no such project", Answer(status=404, json={"error": {"status": "NOT_FOUND"}})),
    ("no such project", Answer(status=404, text="<html>Not Found</html>")),
    ("elsewhere", Answer(status=302, text="", headers={"Location": "/elsewhere"})),
    ("elsewhere", Answer(status=407, text="<html>Proxy Authentication Required</html>")),
    ("refused otherwise", Answer(status=422, text="<html>Unprocessable</html>")),
    ("internal error", fcm_error(500, "INTERNAL", "Internal error encountered.")),
    ("no answer behind the gateway", Answer(status=502, text="<html>Error 502</html>")),
    ("no answer behind the gateway", Answer(status=504, text="<html>Error 504</html>")),
    ("service down", fcm_error(503, "UNAVAILABLE", "The service is currently unavailable.")),
    ("service down", Answer(status=529, text="<html>Overloaded</html>")),
    ("no answer", Answer(close=True)),
    ("no answer", Answer(delay=10)),
    ("answer without a name", Answer(status=200, text="<html>The hotel's network</html>")),
    ("answer without a name", Answer(status=200, json={"name": 7})),
    ("answer without a name", Answer(status=200, json=["name"])),
]
#: Answers after which another access token is tried, once.
REFUSES_TOKEN = ("project refused",)


@proves(*(row for row, _ in ANSWERS))
@pytest.mark.parametrize(("row", "answer"), ANSWERS)
def test_what_fcm_answers(prove: Prove, fcm: ProviderStandIn, row: str, answer: Answer) -> None:
    fcm.on_request = at(SENDS, answer)
    prove(row, timeout=time_limit(answer))
    again = 2 if row in REFUSES_TOKEN else 1
    wait_until(lambda: (len(sends_of(fcm)), tokens_asked(fcm)) == (again, again))


#: The row, and the answer to a request for an access token.
TOKEN_ANSWERS: list[tuple[str, Answer]] = [
    ("service account refused", Answer(status=400, json={"error": "invalid_grant"})),
    ("service account refused", Answer(status=401, json={"error": "invalid_client"})),
    ("service account refused", Answer(status=403, text="<html>Forbidden</html>")),
    ("no such place for tokens", Answer(status=404, text="<html>Not Found</html>")),
    ("no such place for tokens", Answer(status=301, text="", headers={"Location": "/other"})),
    ("no connection for a token", Answer(close=True)),
    ("no connection for a token", Answer(delay=10)),
    ("no token now", Answer(status=500, json={"error": "internal_failure"})),
    ("no token now", Answer(status=503, text="<html>Service Unavailable</html>")),
    ("no token now", Answer(status=429, text="slow down")),
    ("no token now", Answer(status=200, text="<html>The hotel's network</html>")),
    ("no token now", Answer(status=200, json={"token_type": "Bearer"})),
    ("no token now", Answer(status=200, json={"access_token": "ya29.1", "expires_in": "soon"})),
    ("no token now", Answer(status=200, json=[])),
]


@proves(*(row for row, _ in TOKEN_ANSWERS))
@pytest.mark.parametrize(("row", "answer"), TOKEN_ANSWERS)
def test_what_google_answers_to_a_request_for_a_token(
    prove: Prove, fcm: ProviderStandIn, row: str, answer: Answer
) -> None:
    fcm.on_request = at(TOKEN_PATH, answer)
    prove(row, timeout=time_limit(answer))
    # The library alone would ask three times.
    wait_until(lambda: (tokens_asked(fcm), len(sends_of(fcm))) == (1, 0))


@proves("no connection")
def test_no_connection(prove: Prove, settings: Any, refusing_port: int) -> None:
    configure(settings, base_url=f"http://127.0.0.1:{refusing_port}")
    prove("no connection")


@proves("no connection for a token")
def test_no_connection_for_a_token(prove: Prove, fcm: ProviderStandIn) -> None:
    fcm.stop()
    prove("no connection for a token")


@proves("elsewhere")
def test_settings_that_make_no_request(prove: Prove, settings: Any) -> None:
    configure(settings, base_url="http://a..b")
    prove("elsewhere")


@pytest.fixture
def untrusted(tmp_path: Path) -> Any:
    context, _ = server_context(tmp_path)

    def greet(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            context.wrap_socket(connection, server_side=True).close()

    with RawServer(greet) as server:
        yield f"https://localhost:{server.port}"


@proves("not FCM's certificate")
def test_a_certificate_that_is_not_trusted(prove: Prove, settings: Any, untrusted: str) -> None:
    configure(settings, base_url=untrusted)
    prove("not FCM's certificate")


@proves("not Google's certificate")
def test_a_certificate_that_is_not_trusted_at_the_place_for_tokens(
    prove: Prove, fcm: ProviderStandIn, settings: Any, untrusted: str
) -> None:
    key = {**fcm.service_account(), "token_uri": f"{untrusted}/token"}
    configure(settings, credentials=key)
    prove("not Google's certificate")


def test_a_second_that_fcm_asks_for_a_device_is_a_second(
    fcm: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    error = fcm_error(429, "QUOTA_EXCEEDED", "Quota", OF_DEVICE)
    answer = replace(error, headers={"Retry-After": "1"})
    check_short_wait(fcm, make_due(record), at(SENDS, answer))


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (fcm_error(429, "QUOTA_EXCEEDED"), 60),
        (fcm_error(429, "QUOTA_EXCEEDED", "Quota", OF_DEVICE), 60),
        (Answer(status=429, json={}, headers={"Retry-After": "7"}), 7),
        (Answer(status=503, json={}, headers={"Retry-After": "90"}), 90),
    ],
)
def test_the_next_attempt_is_when_fcm_says_or_in_a_minute(
    fcm: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    answer: Answer,
    seconds: int,
) -> None:
    fcm.on_request = at(SENDS, answer)
    [outcome] = deliver([make_due(record)])
    assert outcome.not_before is not None
    wait = outcome.not_before - timezone.now()
    assert timedelta(seconds=seconds - 5) < wait <= timedelta(seconds=seconds)


def test_a_wrong_project_keeps_every_record_on(
    fcm: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, project_id="another-club")
    for number in range(5):
        make_due(record, title=f"Message {number}")
    run = Run()
    list(run)
    assert "project_id" in run.problems["FCM"]
    record.refresh_from_db()
    assert (record.active, record.hard_bounces) == (True, 0)
    assert set(Notification.objects.values_list("status", flat=True)) == {"SCHEDULED"}


def test_devices_of_another_project_stop_the_target(
    fcm: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    # Of a wrong project FCM says the one of some devices, and the other of the rest.
    said = cycle([fcm_error(403, "SENDER_ID_MISMATCH"), fcm_error(404, "UNREGISTERED")])
    fcm.on_request = lambda request: next(said) if request.path.endswith(SENDS) else None
    for number in range(25):
        device = TargetUserRecord.objects.create(
            user=record.user,
            target=record.target,
            target_user_id=f"device:{number}",
            description="A device",
        )
        make_due(device)
    run = Run()
    list(run)
    assert "are those of the app's Firebase project" in run.problems["FCM"]
    assert set(Notification.objects.values_list("status", flat=True)) <= {"SCHEDULED", "RETRY"}
    assert not TargetUserRecord.objects.filter(active=False).exists()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(status=403, text="<html>Forbidden</html>"), "HTTP 403. Correct credentials, "),
        (fcm_error(404, "NOT_FOUND", "No project."), ": No project. Correct credentials, "),
        (fcm_error(404, "NOT_FOUND", "None (yet)"), ": None (yet). Correct credentials, "),
        (fcm_error(404, "NOT_FOUND", "None (at all!)"), ": None (at all!) Correct credentials, "),
    ],
)
def test_an_answers_sentence_ends_before_the_next_step(
    fcm: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue, answer: Answer, said: str
) -> None:
    fcm.on_request = at(SENDS, answer)
    with pytest.raises(TargetUnavailable) as stopped:
        list(deliver([make_due(record)]))
    assert said in str(stopped.value)
