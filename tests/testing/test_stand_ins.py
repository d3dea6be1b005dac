"""The stand-ins that users develop with: what they answer, and how they are started."""

import gzip
import json
import os
import signal
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt

from django_notification_system.notification_handlers.webpush.vapid import public_key_of
from django_notification_system.testing.fcm_api import AUDIENCE, EMAIL, GRANT, SCOPE
from django_notification_system.testing.providers import (
    Answer,
    ProviderStandIn,
    ReceivedMessage,
    ReceivedRequest,
)
from tests.support.mail_backends import HAS_MAILERS
from tests.support.ports import free_port

MESSAGES = "/2010-04-01/Accounts/AC1/Messages.json"
PUSHES = "/--/api/v2/push/send"
FORM = {"To": "+15005550010", "From": "+15005550006", "Body": "Hello"}
PUSH = {"to": "ExpoPushToken[a]", "title": "Tea", "body": "Hello"}


@pytest.fixture
def stand_in() -> Iterator[ProviderStandIn]:
    with ProviderStandIn() as started:
        yield started


def post_form(stand_in: ProviderStandIn, form: Any, **options: Any) -> requests.Response:
    options.setdefault("auth", ("AC1", "token"))
    return requests.post(stand_in.url + MESSAGES, data=form, timeout=10, **options)


def post_json(stand_in: ProviderStandIn, body: Any) -> requests.Response:
    return requests.post(stand_in.url + PUSHES, json=body, timeout=10)


def test_twilio_answers_with_the_documented_resource(stand_in: ProviderStandIn) -> None:
    response = post_form(stand_in, FORM)

    assert response.status_code == 201
    resource = response.json()
    assert resource["sid"].startswith("SM")
    assert len(resource["sid"]) == 34
    assert resource["status"] == "queued"
    assert (resource["to"], resource["from"], resource["body"]) == (
        "+15005550010",
        "+15005550006",
        "Hello",
    )
    [message] = stand_in.received
    assert message == ReceivedMessage("twilio", resource["sid"], "+15005550010", "", "Hello", FORM)
    assert str(message) == "Twilio: +15005550010 - Hello"


def test_twilio_accepts_where_a_messaging_service_chooses_the_sender(
    stand_in: ProviderStandIn,
) -> None:
    resource = post_form(stand_in, {"To": "+1", "MessagingServiceSid": "MG1", "Body": "b"}).json()

    assert resource["status"] == "accepted"
    assert resource["messaging_service_sid"] == "MG1"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": ""}, 21604),
        ({"From": ""}, 21603),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"To": "+15005550001"}, 21211),
        ({"To": "+15005550004"}, 21610),
        ({"From": "+15005550007"}, 21606),
    ],
)
def test_twilio_refuses_what_the_real_one_refuses(
    stand_in: ProviderStandIn, changes: dict[str, str], code: int
) -> None:
    response = post_form(stand_in, {**FORM, **changes})

    assert response.status_code == 400
    assert response.json()["code"] == code
    assert response.json()["status"] == 400
    assert stand_in.received == []


@pytest.mark.parametrize("auth", [None, ("AC2", "token")])
def test_twilio_wants_the_accounts_credentials(
    stand_in: ProviderStandIn, auth: tuple[str, str] | None
) -> None:
    response = post_form(stand_in, FORM, auth=auth)

    assert (response.status_code, response.json()["code"]) == (401, 20003)


def test_expo_gives_a_ticket_for_each_message(stand_in: ProviderStandIn) -> None:
    bad = {"to": "ExponentPushToken[DeviceNotRegistered 1]", "body": "Hello"}
    response = post_json(stand_in, [PUSH, bad])

    assert response.status_code == 200
    good_ticket, bad_ticket = response.json()["data"]
    assert good_ticket["status"] == "ok"
    assert bad_ticket["status"] == "error"
    assert bad_ticket["details"] == {"error": "DeviceNotRegistered"}
    [message] = stand_in.received
    assert (message.provider, message.message_id) == ("expo", good_ticket["id"])
    assert str(message) == "Expo: ExpoPushToken[a] - Tea - Hello"


def test_expo_takes_gzipped_requests(stand_in: ProviderStandIn) -> None:
    response = requests.post(
        stand_in.url + PUSHES,
        data=gzip.compress(json.dumps([PUSH]).encode()),
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
        timeout=10,
    )

    assert response.json()["data"][0]["status"] == "ok"
    assert stand_in.requests[0].json() == [PUSH]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([PUSH] * 101, "PUSH_TOO_MANY_NOTIFICATIONS"),
        ([{**PUSH, "ttl": "3"}], "VALIDATION_ERROR"),
        ([{**PUSH, "data": []}], "VALIDATION_ERROR"),
        ([{"body": "to nobody"}], "VALIDATION_ERROR"),
        (["text"], "VALIDATION_ERROR"),
    ],
)
def test_expo_refuses_a_request_as_a_whole(stand_in: ProviderStandIn, body: Any, code: str) -> None:
    response = post_json(stand_in, body)

    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == code
    assert stand_in.received == []


def test_prepared_answers_come_in_order_and_then_the_usual_ones(stand_in: ProviderStandIn) -> None:
    stand_in.answers.extend(
        [
            Answer(status=429, json={"a": 1}, headers={"Retry-After": "5"}),
            Answer(status=500, text="<html>Oh</html>"),
        ]
    )

    first, second, third = (post_form(stand_in, FORM) for _ in range(3))

    assert (first.status_code, first.json(), first.headers["Retry-After"]) == (429, {"a": 1}, "5")
    assert (second.status_code, second.text) == (500, "<html>Oh</html>")
    assert third.status_code == 201
    assert len(stand_in.requests) == 3
    assert len(stand_in.received) == 1


def test_an_answer_may_be_delayed_or_never_come(stand_in: ProviderStandIn) -> None:
    stand_in.answers.extend([Answer(delay=0.2), Answer(close=True)])

    started = time.monotonic()
    assert post_form(stand_in, FORM).status_code == 201
    assert time.monotonic() - started >= 0.2
    with pytest.raises(requests.ConnectionError):
        post_form(stand_in, FORM)


def test_connections_are_kept(stand_in: ProviderStandIn) -> None:
    with requests.Session() as session:
        for _ in range(3):
            session.post(stand_in.url + PUSHES, json=[PUSH], timeout=10)
    assert stand_in.connections == 1


def test_each_message_is_told_as_it_comes() -> None:
    told: list[ReceivedMessage] = []
    with ProviderStandIn(on_message=told.append) as stand_in:
        post_json(stand_in, [PUSH, PUSH])

    assert told == stand_in.received
    assert len(told) == 2


def test_apprise_messages_are_taken_and_others_are_not(stand_in: ProviderStandIn) -> None:
    url = f"http{stand_in.apprise_url('ops').removeprefix('json')}"
    said = {"version": "1.0", "title": "Lunch", "message": "Eggs", "type": "info"}
    assert requests.post(url, json=said, timeout=10).ok
    assert requests.post(url, json={"message": "Eggs"}, timeout=10).status_code == 400
    assert requests.post(url, data=b"Eggs", timeout=10).status_code == 400
    assert [str(message) for message in stand_in.received] == ["Apprise: ops - Lunch - Eggs"]


def test_access_tokens_are_given_for_its_own_key_or_for_any(
    stand_in: ProviderStandIn,
) -> None:
    signer = crypt.RSASigner.from_string(_other_key())
    now = int(time.time())
    claims = {"iss": EMAIL, "scope": SCOPE, "aud": AUDIENCE, "iat": now, "exp": now + 60}
    form = {"grant_type": GRANT, "assertion": jwt.encode(signer, claims)}
    assert requests.post(f"{stand_in.url}/token", data=form, timeout=10).status_code == 400
    stand_in.access_tokens.for_any_key = True
    assert requests.post(f"{stand_in.url}/token", data=form, timeout=10).status_code == 200


def _other_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode()


def test_anything_else_is_not_found(stand_in: ProviderStandIn) -> None:
    assert requests.post(stand_in.url + "/elsewhere", timeout=10).status_code == 404
    assert requests.get(stand_in.url, timeout=10).status_code == 405


def test_a_port_can_be_chosen_and_is_free_again_afterwards() -> None:
    port = free_port()
    for _ in range(2):
        with ProviderStandIn(port) as stand_in:
            assert stand_in.port == port
            assert post_form(stand_in, FORM).status_code == 201


def test_stopping_does_not_wait_for_a_delayed_answer() -> None:
    with ProviderStandIn() as stand_in:
        stand_in.answers.append(Answer(delay=60))
        with pytest.raises(requests.Timeout):
            requests.post(stand_in.url + PUSHES, json=[PUSH], timeout=0.2)
        started = time.monotonic()
    assert time.monotonic() - started < 5


def test_the_command_prints_settings_and_each_message_until_it_is_interrupted() -> None:
    smtp_port, http_port = free_port(), free_port()
    command = [sys.executable, "-m", "django_notification_system.testing"]
    process = subprocess.Popen(
        [*command, "--smtp-port", str(smtp_port), "--http-port", str(http_port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
    )
    assert process.stdout is not None
    try:
        head = ""
        while '"expo"' not in head or not head.endswith("\n}\n"):
            line = process.stdout.readline()
            assert line, head
            head += line
        url = f"http://127.0.0.1:{http_port}"
        requests.post(f"{url}{MESSAGES}", data=FORM, auth=("AC1", "t"), timeout=10)
        requests.post(f"{url}{PUSHES}", json=[PUSH], timeout=10)
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "a@example.com", "b@example.com", "Lunch"
        mail.set_content("Eggs\n")
        with smtplib.SMTP("127.0.0.1", smtp_port, timeout=10) as client:
            client.send_message(mail)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        process.wait(timeout=10)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

    # Django 6.1 has MAILERS in place of the EMAIL_ settings.
    mail_port = f'"port": {smtp_port}}}' if HAS_MAILERS else f"EMAIL_PORT = {smtp_port}"
    assert mail_port in head
    settings: dict[str, Any] = {}
    exec(head[head.index("MAILERS" if HAS_MAILERS else "EMAIL_HOST") :], settings)
    targets = settings["NOTIFICATION_SYSTEM_TARGETS"]
    assert targets["expo"] == {"base_url": url}
    assert targets["webpush"]["stand_in_url"] == targets["fcm"]["base_url"] == url
    assert public_key_of(targets["webpush"]["vapid_private_key"])
    assert targets["apprise"]["urls"] == {"ops": f"json://127.0.0.1:{http_port}/apprise/ops"}
    assert rest.splitlines() == [
        "",
        "Twilio: +15005550010 - Hello",
        "Expo: ExpoPushToken[a] - Tea - Hello",
        "Email: b@example.com - Lunch - Eggs",
    ]
    assert process.returncode == 0


def test_the_command_says_when_a_port_is_taken(stand_in: ProviderStandIn) -> None:
    taken = str(stand_in.port)
    command = [sys.executable, "-m", "django_notification_system.testing", "--smtp-port", "0"]

    result = subprocess.run(
        [*command, "--http-port", taken], capture_output=True, text=True, timeout=30, check=False
    )

    assert result.returncode == 1
    assert "--http-port" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_stopped_stand_in_answers_on_no_kept_connection() -> None:
    with ProviderStandIn() as stand_in, requests.Session() as session:
        url = f"{stand_in.url}/2010-04-01/Accounts/AC1/Messages.json"
        assert session.post(url).status_code == 401
        stand_in.stop()
        with pytest.raises(requests.ConnectionError):
            session.post(url)
        assert len(stand_in.requests) == 1


def test_a_stopped_stand_in_answers_what_has_come() -> None:
    came = threading.Event()

    def hear(request: ReceivedRequest) -> Answer:
        came.set()
        return Answer(status=202, text="Taken", delay=60)

    with ProviderStandIn() as stand_in, ThreadPoolExecutor(1) as pool:
        stand_in.on_request = hear
        posting = pool.submit(requests.post, stand_in.url, timeout=30)
        assert came.wait(30)
        stand_in.stop()
        assert posting.result(30).text == "Taken"
