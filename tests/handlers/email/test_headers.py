"""The headers and addresses of a mail, as its server gets them."""

import contextlib
import email
import email.policy
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives

from django_notification_system.draft import Draft
from django_notification_system.exceptions import InvalidNotification
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.email.cannot_build_message import (
    CannotBuildMessage,
)
from django_notification_system.notification_handlers.email.content import validate
from django_notification_system.notification_handlers.email.message import build_message
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.support.email_support import EGGS, SENT, after_run, configure, run
from tests.support.mail_backends import use_backend

TOKEN = "a1B2" * 15
HEADERS = {
    "List-Unsubscribe": f"<https://example.com/unsubscribe/{TOKEN}>, <mailto:stop@example.com>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "In-Reply-To": f"<{TOKEN}{TOKEN}@example.com>",
    "References": " ".join(f"<{number}{TOKEN}@example.com>" for number in range(4)),
    "Feedback-ID": f"a:b:c:{TOKEN}{TOKEN}",
    "X-SMTPAPI": '{"unique_args": {"a": "' + TOKEN + TOKEN + '"}}',
    "X-Words": "word " * 40 + "end",
    "X-Encoded": "=?utf-8?q?as_it_is?=",
    "X-Empty": "",
}
INVISIBLE = "\u200b"


def headers_as_written(raw: bytes) -> dict[str, str]:
    """Return the headers by name, unfolded (RFC 5322, section 2.2.3) and not decoded."""
    parsed = email.message_from_bytes(raw, policy=email.policy.compat32)
    return {
        name: str(value).replace("\r\n", "").replace("\n", "").strip()
        for name, value in parsed.raw_items()
    }


def assert_as_they_are(raw: bytes) -> None:
    written = headers_as_written(raw)
    assert {name: written[name] for name in HEADERS} == HEADERS
    assert max(map(len, raw.splitlines())) <= 998


def test_headers_reach_a_server_as_they_are(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    assert after_run(make_due(email, extra={"headers": HEADERS})).response == SENT
    [received] = mail_server.received
    assert_as_they_are(received.raw)


def test_headers_reach_a_file_as_they_are(
    email: TargetUserRecord, make_due: MakeDue, settings: Any, tmp_path: Path
) -> None:
    use_backend(
        settings, "django.core.mail.backends.filebased.EmailBackend", file_path=str(tmp_path)
    )
    after_run(make_due(email, extra={"headers": HEADERS}))
    [file] = tmp_path.iterdir()
    assert_as_they_are(file.read_bytes())


def test_headers_reach_the_console_as_they_are(
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_backend(settings, "django.core.mail.backends.console.EmailBackend")
    after_run(make_due(email, extra={"headers": HEADERS}))
    assert_as_they_are(capsys.readouterr().out.encode())


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("X-Name", "Grüße", "=?utf-8?"),
        ("List-Id", "Grüße <news.example.com>", "= <news.example.com>"),
        ("Disposition-Notification-To", "Zoë <zoe@example.com>", "= <zoe@example.com>"),
        ("Sender", "Zoë <zoe@example.com>", "= <zoe@example.com>"),
    ],
)
def test_only_text_and_names_are_encoded(
    name: str,
    value: str,
    written: str,
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
) -> None:
    assert after_run(make_due(email, extra={"headers": {name: value}})).response == SENT
    [received] = mail_server.received
    assert written in headers_as_written(received.raw)[name]
    assert received[name] == value


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("List-Unsubscribe", "<https://example.com/grüße>", "beyond ASCII"),
        ("References", "<grüße@example.com>", "beyond ASCII"),
        ("X-Long", "x" * 1000, "longer than a line"),
        ("Sender", "jörg@example.com", "before the @"),
        ("Errors-To", f"Ann <ann{INVISIBLE}@example.com>", r"'\u200b'"),
    ],
)
def test_what_a_header_cannot_carry_is_named(
    name: str, value: str, said: str, email: TargetUserRecord
) -> None:
    extra = {"headers": {name: value}}
    notification = Notification(target_user_record=email, title="A", body="b", extra=extra)
    with pytest.raises(CannotBuildMessage) as raised:
        build_message(notification, "shop@example.com")
    assert said in str(raised.value)
    assert name in str(raised.value)
    with pytest.raises(InvalidNotification) as refused:
        validate(Draft(title="A", body="b", extra=extra))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "jörg@example.com",
        "Jörg <jörg@example.com>",
        f"ann{INVISIBLE}@example.com",
        "an\u2066n@example.com",
        f"ann@exam{INVISIBLE}ple.com",
        '"jörg b"@example.com',
        "用户@例子.example",
    ],
)
@pytest.mark.parametrize("key", ["record", "cc", "bcc", "reply_to"])
def test_an_address_that_is_another_mailbox_elsewhere_is_refused_alone(
    address: str,
    key: str,
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    user: Any,
) -> None:
    other = make_due(email, title="To Eggs")
    if key == "record":
        email = TargetUserRecord.objects.create(
            user=user, target=email.target, target_user_id=f"x{address}", description="another"
        )
        TargetUserRecord.objects.filter(pk=email.pk).update(target_user_id=address)
        notification = make_due(email)
    else:
        notification = make_due(email, extra={key: [address]})
    run()
    notification.refresh_from_db()
    other.refresh_from_db()
    assert notification.status == Notification.DELIVERY_FAILURE
    assert "invisible" in notification.response or "before the @" in notification.response
    assert other.status == Notification.DELIVERED
    assert [received.envelope_to for received in mail_server.received] == [[EGGS]]


@pytest.mark.parametrize(
    "address",
    [
        "ann@münchen.example",
        "Jörg <j@example.com>",
        '"jörg@home" <j@example.com>',
        "Zoë 👩\u200d🍳 <z@a.example>",
    ],
)
def test_names_and_domains_may_go_beyond_ascii(
    address: str, mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    assert after_run(make_due(email, extra={"cc": [address]})).response == SENT
    [received] = mail_server.received
    assert all(each.isascii() for each in received.envelope_to)
    validate(Draft(title="A", body="b", extra={"cc": address}))


@pytest.mark.parametrize(
    "sender",
    [
        "shop@example.com",
        "Shop <shop@example.com>",
        "Zoë's Lädchen <shop@example.com>",
        '"Shop, Inc." <shop@example.com>',
        "shop@münchen.example",
        "shop@example.com <shop@example.com>",
        "x@other.example <shop@example.com>",
    ],
)
def test_all_mails_of_a_sender_go_out_as_django_sends_them(
    sender: str,
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.MEDIA_ROOT = tmp_path
    (tmp_path / "7.txt").write_text("seven")
    with contextlib.suppress(ValueError):
        EmailMultiAlternatives("Django's", "b", sender, [EGGS]).send()
    expected = {(each.envelope_from, each["From"]) for each in mail_server.received}
    mail_server.received.clear()
    configure(settings, from_email=sender, connections=1)
    make_due(email, title="plain")
    make_due(email, title="with a copy", extra={"cc": ["ham@example.com"]})
    make_due(email, title="with a file", extra={"attachments": ["7.txt"]})
    run()
    assert {(each.envelope_from, each["From"]) for each in mail_server.received} == expected
    assert len(mail_server.received) in (0, 3)
    assert not mail.outbox
