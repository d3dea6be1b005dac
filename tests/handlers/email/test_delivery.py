"""Delivering email over real SMTP: what arrives, and what makes no mail."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection

from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import (
    Notification,
    TargetUserRecord,
)
from django_notification_system.notification_handlers import email as handler
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.support.email_support import (
    EGGS,
    SENT,
    after_run,
    configure,
    plain,
    run,
    wait_until_closed,
)
from tests.support.mail_backends import use_backend
from tests.support.ports import refusing_port

Process = Callable[..., str]


def test_the_command_sends_a_mail_with_both_parts(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    process: Process,
    settings: Any,
) -> None:
    configure(settings, from_email="Küche <kitchen@example.com>")
    body = "Hi Bob,\n\nyour code is <7 & 8>.\n.\n  مرحبا שלום\nBye"
    notification = make_due(email, title="Frühstück 🍳", body=body)
    assert f"{SENT}\n" in process()
    [received] = mail_server.received
    assert received["Subject"] == "Frühstück 🍳"
    assert received["From"] == "Küche <kitchen@example.com>"
    assert received["To"] == EGGS
    assert received["Message-ID"] == f"<{notification.pk}@example.com>"
    assert (received.envelope_from, received.envelope_to) == ("kitchen@example.com", [EGGS])
    assert received.get_content_type() == "multipart/alternative"
    assert plain(received.text) == body
    assert plain(received.html) == (
        '<div dir="auto" style="white-space:pre-wrap">Hi Bob,<br><br>your code is &lt;7 &amp; 8&gt;'
        ".<br>.<br>  مرحبا שלום<br>Bye</div>"
    )
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.provider_message_id == received["Message-ID"]
    wait_until_closed(mail_server)


def test_html_goes_out_with_a_text_part(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    body = '<p>Hi Bob, <a href="https://example.com/ü">look</a></p>'
    make_due(email, body=body)
    run()
    [received] = mail_server.received
    assert plain(received.html) == body
    assert plain(received.text) == "Hi Bob, look <https://example.com/ü>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", ""),
        ("x" * 1_000_000, "x" * 1_000_000),
        ((("x" * 99 + "\n") * 10_000).strip(), (("x" * 99 + "\n") * 10_000).strip()),
        ("<p>" + "word " * 200_000, None),
        ("<div><table><tr>broken <b", "broken"),
        ("\u202eright to left\u202c", "\u202eright to left\u202c"),
    ],
    ids=["empty", "one long line", "many lines", "long html", "broken html", "right to left"],
)
def test_a_body_of_any_kind_goes_out(
    body: str,
    text: str | None,
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
) -> None:
    assert after_run(make_due(email, body=body)).response == SENT
    [received] = mail_server.received
    if text is not None:
        assert plain(received.text) == text


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL stores no NUL")
def test_a_body_with_nul_goes_out_without(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(email, title="With\x00out", body="lorem \x00ipsum")
    run()
    [received] = mail_server.received
    assert (received["Subject"], plain(received.text)) == ("Without", "lorem ipsum")
    assert b"\x00" not in received.raw


def test_extra_reaches_those_in_copy_and_brings_files(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.MEDIA_ROOT = tmp_path
    storages["default"].save("bills/rechnung-ü.pdf", ContentFile(b"%PDF \x00\xff"))
    make_due(
        email,
        extra={
            "cc": ["ham@example.com"],
            "bcc": "archive@example.com",
            "reply_to": ["help@example.com"],
            "headers": {"X-Campaign": "spring", "Message-ID": "<mine@example.com>"},
            "attachments": ["bills/rechnung-ü.pdf"],
        },
    )
    run()
    [received] = mail_server.received
    assert received.envelope_to == [EGGS, "ham@example.com", "archive@example.com"]
    assert (received["Cc"], received["Bcc"]) == ("ham@example.com", None)
    assert (received["Reply-To"], received["X-Campaign"]) == ("help@example.com", "spring")
    assert received.get_all("Message-ID") == ["<mine@example.com>"]
    [attachment] = received.iter_attachments()
    assert attachment.get_filename() == "rechnung-ü.pdf"
    assert attachment.get_content() == b"%PDF \x00\xff"


def test_a_template_is_rendered_with_extra_at_delivery(
    mail_server: SmtpStandIn, user: Any, email: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(email, body="", extra={"template_name": "mail/welcome.html", "dish": "ham"})
    user.first_name = "Ham"
    user.save()
    run()
    [received] = mail_server.received
    assert "<p>Hello Ham, you ordered ham.</p>" in received.html


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": "A\nBcc: all@example.com"}, "the title has a line break"),
        ({"body": "", "extra": {"template_name": "deleted.html"}}, "template 'deleted.html'"),
        ({"extra": {"attachments": ["gone.pdf"]}}, "'gone.pdf' is not in the default storage"),
        ({"extra": {"cc": {"a": 1}}}, "extra['cc']"),
        ({"extra": {"cc": ["no address, at all"]}}, "ValueError"),
        ({"extra": {"headers": {"X-A": "b\nc"}}}, "extra['headers']['X-A']"),
    ],
)
def test_what_makes_no_mail_fails_with_its_reason_and_holds_up_nothing(
    fields: dict[str, Any],
    said: str,
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.MEDIA_ROOT = tmp_path
    bad = make_due(email, **fields)
    good = make_due(email)
    run()
    bad.refresh_from_db()
    good.refresh_from_db()
    assert bad.status == Notification.DELIVERY_FAILURE
    assert bad.response.startswith("Email could not be sent: ")
    assert said in bad.response
    assert good.status == Notification.DELIVERED


@pytest.mark.parametrize("extra", [None, [], ["cc"], "text", 5])
def test_an_extra_that_is_no_object_is_no_obstacle(
    extra: Any, mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    assert after_run(make_due(email, extra=extra)).response == SENT


@pytest.fixture
def nobody_listens(settings: Any) -> Iterator[None]:
    """Settings that point to a port that nobody listens on."""
    with refusing_port() as port:
        use_backend(settings, host="127.0.0.1", port=port)
        yield


def test_send_notification_answers_as_in_1_5_3(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(email)
    assert handler.send_notification(notification) == SENT
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.attempted_delivery is not None


def test_send_notification_gives_up_after_max_retries(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    mail_server.answer("MESSAGE", "451 4.3.0 Later")
    notification = make_due(email, max_retries=3)
    for attempt in range(1, 4):
        response = handler.send_notification(notification)
        assert response.startswith("Email could not be sent: 451 4.3.0 Later")
        notification.refresh_from_db()
        assert notification.retry_attempts == attempt
        assert notification.status == ("RETRY" if attempt < 3 else "DELIVERY FAILURE")


def test_send_notification_counts_no_attempt_that_reached_no_server(
    nobody_listens: None, email: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(email, max_retries=3)
    response = handler.send_notification(notification)
    assert response.startswith("Email could not be sent: ConnectionRefusedError")
    notification.refresh_from_db()
    assert notification.retry_attempts == 0


def test_send_notification_says_that_the_target_is_unavailable(
    email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    use_backend(settings, "no.such.Backend")
    with pytest.raises(TargetUnavailable):
        handler.send_notification(make_due(email))
