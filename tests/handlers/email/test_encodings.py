"""The octets of a mail: what a server that takes ASCII alone gets, and what files need."""

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.support.email_support import SENT, after_run, configure, plain, run
from tests.support.mail_backends import SMTP, use_backend
from tests.support.scripted_smtp import ScriptedSmtp

PIPELINING = "django_notification_system.contrib.smtp.EmailBackend"
BODY = "<p>Grüße, " + "and so on " * 200 + "</p>"
CHINESE = "您的验证码是 482913。" * 20
EIGHT_BIT_MAIL = "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n".encode()
LONG_LINE_MAIL = b"Subject: x\r\n\r\n" + b"y" * 3000 + b"\r\nend\r\n"
FILES = {
    "note.txt": "Grüße\n".encode(),
    "null.txt": b"a\x00b\nc\n",
    "old_mac.csv": b"a;b\rc;d\r",
    "long.txt": b"z" * 5000 + b"\nend\n",
    "eight_bit.eml": EIGHT_BIT_MAIL,
    "long_line.eml": LONG_LINE_MAIL,
    "null.eml": b"Subject: x\r\n\r\na\x00b\r\n",
    "bill.pdf": b"%PDF \x00\xff\r",
}


@pytest.fixture(params=[(), ("8BITMIME",), ("PIPELINING",), ("PIPELINING", "8BITMIME")], ids=str)
def server(request: pytest.FixtureRequest, settings: Any) -> Iterator[ScriptedSmtp]:
    """A server of some extensions."""
    with ScriptedSmtp(extensions=request.param) as server:
        use_backend(settings, PIPELINING, host="127.0.0.1", port=server.port, timeout=20)
        yield server


@pytest.fixture
def seven_bit_server(settings: Any) -> Iterator[ScriptedSmtp]:
    """A server that takes ASCII alone, and Django's own backend."""
    with ScriptedSmtp(extensions=("SIZE 1000000",)) as server:
        use_backend(settings, SMTP, host="127.0.0.1", port=server.port, timeout=20)
        yield server


@pytest.fixture
def files(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)  # type: ignore[return-value]


def content_of(part: EmailMessage) -> bytes:
    if part.get_content_type() == "message/rfc822":
        [inner] = part.get_payload()  # type: ignore[misc]
        return bytes(inner.get_payload(decode=True))  # type: ignore[union-attr]
    return bytes(part.get_payload(decode=True))  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [BODY, CHINESE], ids=["latin", "chinese"])
@pytest.mark.parametrize("extra", [{}, {"cc": ["ham@example.com"]}], ids=["shared", "with a copy"])
def test_a_server_gets_octets_that_it_has_said_it_takes(
    body: str,
    extra: dict[str, Any],
    server: ScriptedSmtp,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, connections=1)
    for number in range(2):
        make_due(email, title=f"Nummer {number}: Grüße", body=body, extra=extra)
    run()
    assert Notification.objects.filter(response=SENT).count() == 2
    takes_all = "8BITMIME" in server.extensions
    for raw in server.messages:
        assert takes_all or raw.isascii()
        message = parsed(raw)
        part = message.get_body(("html",))
        assert part is not None
        content = plain(part.get_content())
        assert content == body if body == BODY else body in content
    declared = b"BODY=8BITMIME" in b"".join(server.reads)
    assert declared == any(not raw.isascii() for raw in server.messages)


def test_files_of_all_kinds_reach_a_server_that_takes_ascii_alone(
    seven_bit_server: ScriptedSmtp, email: TargetUserRecord, make_due: MakeDue, files: Path
) -> None:
    assert after_run(make_due(email, extra={"attachments": sorted(FILES)})).response == SENT
    [raw] = seven_bit_server.messages
    assert raw.isascii()
    assert_files_arrived(raw)


def test_files_of_all_kinds_reach_every_other_server(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, files: Path
) -> None:
    assert after_run(make_due(email, extra={"attachments": sorted(FILES)})).response == SENT
    [received] = mail_server.received
    assert_files_arrived(received.raw)
    kinds = {part.get_filename(): part.get_content_type() for part in received.iter_attachments()}
    assert kinds["note.txt"] == "text/plain"
    assert kinds["eight_bit.eml"] == "message/rfc822"


def assert_files_arrived(raw: bytes) -> None:
    assert b"\x00" not in raw
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    parts = {str(part.get_filename()): part for part in parsed(raw).iter_attachments()}
    assert parts.keys() == FILES.keys()
    for name, content in FILES.items():
        arrived = content_of(parts[name])  # type: ignore[arg-type]
        if parts[name].get_content_type() == "message/rfc822":
            assert arrived.decode().strip() == "Grüße"
        else:
            assert arrived.replace(b"\r\n", b"\n") == content.replace(b"\r\n", b"\n")


def test_a_hundred_recipients_go_into_one_transaction_and_the_rest_into_others(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    """RFC 5321, section 4.5.3.1.10."""
    everybody = [f"{number}@example.com" for number in range(250)]
    mail_server.most_recipients = 100
    notification = after_run(make_due(email, extra={"bcc": everybody}))
    assert (notification.status, notification.response) == (Notification.DELIVERED, SENT)
    assert [len(received.envelope_to) for received in mail_server.received] == [100, 100, 51]
    told = [address for received in mail_server.received for address in received.envelope_to]
    assert sorted(told) == sorted([*everybody, email.target_user_id])
    assert {received["To"] for received in mail_server.received} == {email.target_user_id}


def test_who_is_refused_in_the_next_transaction_is_told(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    mail_server.most_recipients = 2
    mail_server.answer("RCPT", "550 5.1.1 No such user", recipient="3@example.com")
    bcc = [f"{number}@example.com" for number in range(4)]
    notification = after_run(make_due(email, extra={"bcc": bcc}))
    assert notification.status == Notification.DELIVERED
    assert notification.response == f"{SENT}, but not to 3@example.com: 550 5.1.1 No such user"
    assert [received.envelope_to for received in mail_server.received] == [
        [email.target_user_id, "0@example.com"],
        ["1@example.com", "2@example.com"],
    ]


@pytest.mark.parametrize("reply", ["451 4.3.0 Later", "421 4.3.0 Closing"])
def test_what_fails_after_the_first_transaction_costs_no_second_copy(
    reply: str, mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    mail_server.most_recipients = 2
    mail_server.answer("MESSAGE", reply, after=1)
    bcc = [f"{number}@example.com" for number in range(3)]
    notification = after_run(make_due(email, extra={"bcc": bcc}))
    assert notification.status == Notification.DELIVERED
    assert "but not to 1@example.com: 452" in notification.response
    assert len(mail_server.received) == 1
