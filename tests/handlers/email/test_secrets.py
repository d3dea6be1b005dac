"""Secrets that a mail server or a backend gives back are in no row, no output and no log."""

import base64
import logging
from typing import Any

import pytest
from django.apps import apps
from django.core.mail import EmailMultiAlternatives
from django.core.management import call_command

from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.email.secrets import hide, secrets_of
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.support.email_support import EGGS, configure
from tests.support.mail_backends import ThirdParty, use_backend

PASSWORD = "planted-password"
LINK = "https://shop.example/reset?token=planted-token"
BODY = f"Hello Eggs, this is planted text of yours.\nYour code is planted-code-123456: {LINK}."
IN_BASE64 = base64.b64encode(f"\0shop\0{PASSWORD}".encode()).decode()
PASSWORD_IN_BASE64 = base64.b64encode(PASSWORD.encode()).decode()


@pytest.fixture(autouse=True)
def one_connection(settings: Any) -> None:
    configure(settings, connections=1)


def everything(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> str:
    """Run at the highest verbosity; return what was stored, printed and logged, but the body."""
    caplog.set_level("DEBUG")
    call_command("process_notifications", "--verbosity", "3")
    printed = capsys.readouterr()
    # The blocks show the body, which is what they are for.
    out = printed.out.replace(BODY, "")
    rows: list[Any] = []
    for model in apps.get_app_config("django_notification_system").get_models():
        names = [field.attname for field in model._meta.concrete_fields]
        names = [name for name in names if name not in ("body", "extra")]
        rows += model._default_manager.values_list(*names)
    # But for the log of the server, which has read it all.
    ours = [record for record in caplog.records if record.name != "mail.log"]
    logged = [logging.Formatter().format(record) for record in ours]  # tracebacks too
    assert ours
    return f"{rows}{out}{printed.err}{logged}"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("AUTH", f"535 5.7.8 shop/{PASSWORD} is wrong"),
        ("AUTH", f"535 5.7.8 AUTH PLAIN {IN_BASE64} is wrong"),
        ("AUTH", f"500 5.5.2 Unknown command {PASSWORD_IN_BASE64}"),
        ("AUTH", f"454 4.7.0 Cannot look up {PASSWORD} now"),
        ("MAIL", f"550 5.7.1 {PASSWORD} {IN_BASE64}"),
        ("RCPT", f"451 4.3.0 {PASSWORD}"),
        ("MESSAGE", f"554 5.7.1 The link {LINK} is on a list"),
        ("MESSAGE", f"554 5.7.1 Found <{LINK}>"),
        ("MESSAGE", f"554 5.7.1 Found {LINK[:-6]}..."),
        ("MESSAGE", "451 4.7.1 Suspicious: planted-code-123456"),
        ("MESSAGE", "554 5.6.0 In: Hello Eggs, this is planted text of yours."),
    ],
)
def test_what_a_server_quotes_is_hidden(
    command: Any,
    reply: str,
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_backend(
        settings,
        host=mail_server.host,
        port=mail_server.port,
        timeout=20,
        username="shop",
        password=PASSWORD,
    )
    mail_server.answer(command, reply)
    make_due(email, body=BODY, extra={"token": "planted-in-extra"})
    found = everything(caplog, capsys)
    assert reply[:9] in found
    assert "***" in found
    for secret in ("planted", IN_BASE64, PASSWORD_IN_BASE64):
        assert secret not in found


def test_what_a_server_says_of_those_in_copy_is_hidden(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = {"host": mail_server.host, "port": mail_server.port, "timeout": 20}
    use_backend(settings, **options, username="shop", password=PASSWORD)
    mail_server.answer("RCPT", f"550 {PASSWORD}", recipient="ham@example.com")
    notification = make_due(email, body=BODY, extra={"cc": ["ham@example.com"]})
    assert "planted" not in everything(caplog, capsys)
    notification.refresh_from_db()
    assert notification.response == "Email Successfully Sent, but not to ham@example.com: 550 ***"


def test_what_a_backend_of_somebody_elses_says_is_hidden(
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def send_messages(self: Any, messages: Any) -> int:
        self.api_key = "planted-api-key"
        raise RuntimeError(f"POST with {self.api_key} refused: {LINK}")

    monkeypatch.setattr(ThirdParty, "send_messages", send_messages)
    use_backend(settings, "tests.support.mail_backends.ThirdParty")
    make_due(email, body=BODY)
    found = everything(caplog, capsys)
    assert "POST with *** refused: ***" in found
    assert "planted" not in found


def test_a_template_that_fails_does_not_give_its_context_away(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    extra = {"template_name": "mail/does_not_compile.html", "code": "planted-code"}
    notification = make_due(email, body="", extra=extra)
    assert "planted" not in everything(caplog, capsys)
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERY_FAILURE


def test_what_a_server_says_of_its_own_stays_readable() -> None:
    said = (
        f"{EGGS}: 550 5.7.26 Unauthenticated mail from example.com, message 1vNq2t-0006: see"
        " https://support.example/answer?p=DMARC#26 and 10.0.0.1"
    )
    message = EmailMultiAlternatives("Hi", f"from example.com to {EGGS} {LINK} 1", to=[EGGS])
    message.attach_alternative(f"<p>{BODY}</p>", "text/html")
    assert hide(said, ["planted"], message) == said


def test_short_and_absent_passwords_hide_nothing() -> None:
    class Backend:
        password = "of the class"

        def __init__(self) -> None:
            self.api_token = None
            self.secret = "abc"
            self.timeout_password = 5

    assert secrets_of(Backend()) == []
    assert secrets_of(object()) == []
