"""The backend that uses PIPELINING: as Django's backend, and under the engine."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage

from django_notification_system.contrib.smtp import EmailBackend
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.testing.smtp import DROP, SmtpStandIn
from tests.conftest import MakeDue
from tests.support.certificates import server_context
from tests.support.mail_backends import HAS_MAILERS, use_backend
from tests.support.scripted_smtp import EXTENSIONS, HANG_UP, ScriptedSmtp

PIPELINING = "django_notification_system.contrib.smtp.EmailBackend"
SENDER = "spam@example.com"
EGGS = "eggs@example.com"
Process = Callable[..., str]
NO, LATER = "550 5.1.1 No", "451 4.3.0 Later"
Script = dict[str, list[str]]


# --- As Django's backend --------------------------------------------------------------------


def backend_of_settings() -> Any:
    return mail.mailers.default if HAS_MAILERS else mail.get_connection()


def send_one(recipient: str = EGGS) -> Any:
    message = EmailMessage("Breakfast", "is ready", SENDER, [recipient])
    return backend_of_settings().send_messages([message])


def test_django_uses_it_with_its_options(settings: Any) -> None:
    extensions = (*EXTENSIONS, "AUTH PLAIN")
    with ScriptedSmtp(extensions) as server:
        use_backend(
            settings,
            PIPELINING,
            host=server.host,
            port=server.port,
            username="cook",
            password="knife",
            timeout=20,
        )
        assert isinstance(backend_of_settings(), EmailBackend)
        assert send_one() == 1
    assert len(server.reads) == 2
    assert len(server.messages) == 1


def test_a_silent_backend_stays_silent(settings: Any, server: ScriptedSmtp) -> None:
    use_backend(settings, PIPELINING, host=server.host, port=server.port, timeout=20)
    server.script = {"RCPT": [NO], "DATA": ["503 No"]}
    backend = backend_of_settings()
    backend.fail_silently = True
    message = EmailMessage("Breakfast", "is ready", SENDER, [EGGS])
    assert backend.send_messages([message, message]) == 1


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's TLS, with a certificate that this process trusts."""
    context, certificate = server_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    return context


@pytest.mark.parametrize("option", ["use_tls", "use_ssl"])
def test_tls_is_used_as_the_settings_say(
    option: str, settings: Any, context: ssl.SSLContext
) -> None:
    extensions = ("STARTTLS", "8BITMIME") if option == "use_tls" else EXTENSIONS
    with ScriptedSmtp(extensions, context) as server:
        options = {"host": "localhost", "port": server.port, "timeout": 20, option: True}
        use_backend(settings, PIPELINING, **options)
        assert send_one() == 1
    assert len(server.reads) == 2


# --- Under the engine -----------------------------------------------------------------------


@pytest.fixture
def email(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    return records["Email"]


def use_targets(settings: Any, **values: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"connections": 1, **values}}


def test_the_command_sends_through_it_in_two_round_trips(
    server: ScriptedSmtp,
    email: TargetUserRecord,
    make_due: MakeDue,
    process: Process,
    settings: Any,
) -> None:
    use_backend(settings, PIPELINING, host=server.host, port=server.port, timeout=20)
    use_targets(settings)
    server.script["RCPT"] = ["250 OK", NO]
    server.script["DATA"] = ["354 Go on", "503 No"]
    for number in range(3):
        make_due(email, title=f"Number {number}")
    assert process().count("Email Successfully Sent\n") == 2
    assert [b"Subject: Number 0" in server.messages[0], len(server.messages)] == [True, 2]
    assert server.connections == 1
    envelopes = [read.endswith(b"data\r\n") for read in server.reads]
    assert envelopes == [True, False] * 3
    assert server.reads[3] == b"rset\r\n"


#: To a message that is for nobody, and to one that is for somebody.
LOST: list[Any] = [
    ({"RCPT": [LATER], "MESSAGE": [HANG_UP]}, "RETRY", "451 4.3.0 Later"),
    ({"RCPT": ["550 5.7.1 No"], "MESSAGE": [HANG_UP]}, "DELIVERY FAILURE", "550 5.7.1 No"),
    ({"MAIL": ["250 OK"], "RCPT": [HANG_UP]}, "RETRY", "SMTPServerDisconnected"),
    ({"DATA": [HANG_UP]}, "RETRY", "SMTPServerDisconnected"),
    ({"MESSAGE": [HANG_UP]}, "DELIVERY FAILURE", "it went out, or it did not"),
]


@pytest.mark.parametrize(("script", "status", "said"), LOST)
def test_only_a_message_that_was_handed_over_leaves_it_open_whether_it_went_out(
    script: Script,
    status: str,
    said: str,
    server: ScriptedSmtp,
    email: TargetUserRecord,
    make_due: MakeDue,
    process: Process,
    settings: Any,
) -> None:
    use_backend(settings, PIPELINING, host=server.host, port=server.port, timeout=20)
    use_targets(settings, when_unknown="fail")
    server.script = {command: list(replies) for command, replies in script.items()}
    notification = make_due(email)
    process()
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == (status, 1)
    assert said in notification.response
    assert server.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    process: Process,
    settings: Any,
) -> None:
    mail_server.pipelining = True
    use_backend(settings, PIPELINING, host=mail_server.host, port=mail_server.port, timeout=20)
    use_targets(settings)
    mail_server.messages_per_connection = 2
    mail_server.answer("MAIL", "421 4.7.0 Too many messages", after=3, times=1)
    for number in range(6):
        make_due(email, title=f"Number {number}")
    process()
    delivered = Notification.objects.filter(response="Email Successfully Sent", retry_attempts=0)
    assert delivered.count() == 6


def test_a_connection_lost_after_the_sender_was_accepted_is_not_opened_again_at_once(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    process: Process,
    settings: Any,
) -> None:
    mail_server.pipelining = True
    use_backend(settings, PIPELINING, host=mail_server.host, port=mail_server.port, timeout=20)
    use_targets(settings)
    # After a moment, so that the answer to the sender is not lost with the connection.
    mail_server.answer("RCPT", DROP, after=1, times=1, delay=0.2)
    make_due(email)
    second = make_due(email, title="Number 2")
    process()
    second.refresh_from_db()
    assert second.status == Notification.RETRY
    assert len(mail_server.received) == 1
