"""Rows of the table of email's faults: what is no mail, and what others' backends raise."""

import email.errors
import json
import smtplib
import socket
import ssl
from datetime import timedelta
from typing import Any

import pytest

from django_notification_system.models import TargetUserRecord
from django_notification_system.notification_handlers.email.connection import Stage
from django_notification_system.notification_handlers.email.faults import classify
from django_notification_system.notification_handlers.email.trouble import trouble_of_error
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.support.email_faults import (
    Prove,
    at_most_once,
    prove,
    proves,
)
from tests.support.email_support import EGGS, after_run
from tests.support.mail_backends import ThirdParty, use_backend
from tests.support.ports import refusing_port
from tests.support.raw_server import RawServer, Talk

__all__ = ["at_most_once", "prove"]  # fixtures
THIRD_PARTY = "tests.support.mail_backends.ThirdParty"


@proves("no such mail")
def test_an_address_that_cannot_be_fails(mail_server: SmtpStandIn, prove: Prove) -> None:
    prove("no such mail", extra={"cc": ["no address, at all"]})


@proves(
    "backend without a connection",
    "lost in a backend",
    "anything else",
    "no international addresses",
)
@pytest.mark.parametrize(
    ("name", "raises"),
    [
        ("backend without a connection", ConnectionRefusedError("no")),
        ("backend without a connection", socket.gaierror(-2, "Name or service not known")),
        ("backend without a connection", smtplib.SMTPConnectError(-1, b"what?")),
        ("lost in a backend", TimeoutError("too long")),
        ("lost in a backend", smtplib.SMTPServerDisconnected("gone")),
        ("lost in a backend", ConnectionResetError("gone")),
        ("anything else", RuntimeError("quota used up")),
        ("anything else", ValueError("not so")),
        ("closing in the middle", smtplib.SMTPDataError(421, b"closing")),
        ("policy", smtplib.SMTPDataError(554, b"5.7.1 spam")),
    ],
)
def test_a_third_partys_error_has_its_row(
    name: str, raises: Exception, settings: Any, prove: Prove
) -> None:
    use_backend(settings, THIRD_PARTY)
    ThirdParty.raises = raises
    try:
        prove(name)
    finally:
        ThirdParty.reset()


def answer_http(status: int, body: str) -> Talk:
    """Return what reads a request and answers with a status, or with nothing where that is 0."""

    def talk(connection: socket.socket) -> None:
        connection.recv(1 << 20)
        if status:
            head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n"
            connection.sendall(f"{head}Connection: close\r\n\r\n{body}".encode())

    return talk


def refused_by_amazon(code: str, status: int = 400) -> Exception:
    """Return what botocore raises, as far as its ``ClientError`` tells of the answer."""
    error = Exception(f"An error occurred ({code}) when calling the SendEmail operation")
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}}
    vars(error)["response"] = {"Error": {"Code": code}, "ResponseMetadata": metadata}
    return error


def from_amazon(name: str) -> type[Exception]:
    """Return a stand-in for an exception of a package that is not installed here."""
    return type(name, (Exception,), {"__module__": "botocore.exceptions"})


def caused_by(cause: Exception) -> Exception:
    """Return what django-anymail makes of an error of botocore's: one without a status."""
    error = RuntimeError("AnymailAPIError")
    error.__cause__ = cause
    return error


AMAZON: list[tuple[str, Exception]] = [
    ("Amazon refuses key", refused_by_amazon("InvalidClientTokenId", 403)),
    ("Amazon refuses key", refused_by_amazon("ExpiredToken", 400)),
    ("Amazon refuses key", refused_by_amazon("AccessDeniedException", 403)),
    ("Amazon stops sending", refused_by_amazon("AccountSendingPausedException")),
    ("Amazon refuses sender", refused_by_amazon("MailFromDomainNotVerifiedException")),
    ("Amazon throttles", refused_by_amazon("Throttling")),
    ("Amazon throttles", refused_by_amazon("TooManyRequestsException", 429)),
    ("no key for Amazon", from_amazon("NoCredentialsError")("Unable to locate credentials")),
    ("no key for Amazon", from_amazon("NoRegionError")("You must specify a region.")),
    ("Amazon out of reach", from_amazon("EndpointConnectionError")("Could not connect")),
    ("Amazon does not answer", from_amazon("ReadTimeoutError")("Read timeout")),
    ("provider refuses message", refused_by_amazon("MessageRejected")),
    ("provider broken", refused_by_amazon("InternalFailure", 500)),
    ("provider refuses key", refused_by_amazon("SomethingNew", 403)),
]


@proves(*{name for name, _ in AMAZON})
@pytest.mark.parametrize("wrap", [lambda error: error, caused_by], ids=["as it is", "wrapped"])
@pytest.mark.parametrize(("name", "raises"), AMAZON)
def test_what_amazon_answers_to_any_backend_has_its_row(
    name: str, raises: Exception, wrap: Any, settings: Any, prove: Prove
) -> None:
    use_backend(settings, THIRD_PARTY)
    ThirdParty.raises = wrap(raises)
    try:
        prove(name)
    finally:
        ThirdParty.reset()


def test_an_email_that_is_tried_again_keeps_to_the_providers_retry_after(
    settings: Any, email: TargetUserRecord, make_due: MakeDue
) -> None:
    error = refused_by_amazon("Moved", 302)
    vars(error)["response"]["ResponseMetadata"]["HTTPHeaders"] = {"retry-after": "7200"}
    use_backend(settings, THIRD_PARTY)
    ThirdParty.raises = error
    try:
        notification = after_run(make_due(email, retry_time_interval=60))
    finally:
        ThirdParty.reset()
    assert (notification.status, notification.retry_attempts) == ("RETRY", 1)
    assert notification.attempted_delivery is not None
    wait = notification.scheduled_delivery - notification.attempted_delivery
    assert abs(wait - timedelta(hours=2)) < timedelta(seconds=10)


def test_a_backend_that_finds_no_key_when_it_is_opened_stops_the_target(
    settings: Any, prove: Prove, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(backend: ThirdParty) -> None:
        raise from_amazon("NoCredentialsError")("Unable to locate credentials")

    use_backend(settings, THIRD_PARTY)
    monkeypatch.setattr(ThirdParty, "open", refuse)
    prove("no key for Amazon")


REFUSED = json.dumps(
    {"ErrorCode": 406, "Message": f"Found inactive addresses: {EGGS}. Inactive recipients"}
)


@proves(
    "provider refuses key",
    "provider busy",
    "provider refuses message",
    "provider refuses recipients",
    "provider cannot know",
    "provider broken",
    "provider does not answer",
    "provider out of reach",
    "provider cannot send such",
)
@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("provider refuses key", 401, json.dumps({"ErrorCode": 10, "Message": "Bad token"})),
        ("provider busy", 429, "{}"),
        ("provider refuses message", 413, "<html>too large</html>"),
        ("provider refuses recipients", 422, REFUSED),
        ("provider cannot know", 200, "<html>what?</html>"),
        ("provider cannot know", 504, "<html>no answer</html>"),
        ("provider broken", 500, "{}"),
        ("provider broken", 503, "<html>later</html>"),
        ("provider does not answer", 0, ""),
        ("provider out of reach", -1, ""),
        ("provider cannot send such", 200, ""),
    ],
)
def test_what_a_provider_answers_to_anymail_has_its_row(
    name: str, status: int, body: str, settings: Any, prove: Prove
) -> None:
    pytest.importorskip("anymail")
    with RawServer(answer_http(status, body)) as server, refusing_port() as refusing:
        settings.ANYMAIL = {
            "POSTMARK_SERVER_TOKEN": "planted-token",
            "POSTMARK_API_URL": f"http://{server.host}:{server.port}/",
        }
        if status < 0:
            settings.ANYMAIL["POSTMARK_API_URL"] = f"http://127.0.0.1:{refusing}/"
        use_backend(settings, "anymail.backends.postmark.EmailBackend")
        extra = {"cc": ["no address, at all"]} if name == "provider cannot send such" else None
        prove(name, extra=extra)


@pytest.mark.parametrize(
    ("stage", "error", "name"),
    [
        # Django's backend encodes domains and refuses what it cannot; another's need not.
        (
            Stage.START,
            smtplib.SMTPNotSupportedError("SMTPUTF8 not supported by server"),
            "no international addresses",
        ),
        (Stage.START, email.errors.HeaderParseError("no"), "no such mail"),
        (Stage.START, ssl.SSLError("bad record mac"), "lost before a message"),
        (Stage.DATA_SENT, RuntimeError("no"), "lost after handing over"),
        (Stage.CONNECTING, PermissionError("no"), "no connection"),
    ],
)
def test_what_no_server_here_brings_about_has_its_row(
    stage: Stage, error: Exception, name: str
) -> None:
    assert classify(trouble_of_error(error, stage, EGGS)).name == name
