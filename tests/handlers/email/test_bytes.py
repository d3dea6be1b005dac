"""The mail of many that share a text, made faster, against what Django makes."""

import email
import email.policy

import pytest
from django.core.mail.backends import smtp

from django_notification_system.notification_handlers.email.message_bytes import (
    sends_plainly,
    sharing_mail,
)
from django_notification_system.notification_handlers.email.mime import NotificationMail
from tests.support.mail_backends import HAS_MAILERS

MESSAGE_ID = "<123e4567-e89b-12d3-a456-426614174000@example.com>"
PLAIN = {
    "subject": "Your order",
    "body": "Date: Thu, 01 Jan 1970 00:00:00 +0000\n\nMessage-ID: <any@example.com>\n.\n",
    "from_email": "Shop <noreply@example.com>",
    "to": ["egg@example.com"],
    "headers": {"Message-ID": MESSAGE_ID},
    "alternatives": [("<p>Hello</p>", "text/html")],
}


def parsed(content: bytes) -> tuple[dict[str, str], list[tuple[str, bytes]]]:
    """Return the headers but the boundary and the date, and the parts with their content."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    headers = {name: str(value) for name, value in message.items()}
    assert len(headers) == len(message.keys())
    assert headers.pop("Date")
    headers["Content-Type"] = message.get_content_type()
    parts = [
        (str(part["Content-Type"]), part.get_payload(decode=True))
        for part in message.walk()
        if not part.is_multipart()
    ]
    return headers, parts


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"subject": "Bestellung für Zoë 🥚, " + "a long subject, " * 10},
        {"body": "Grüße, שלום 🥚\r\n" + "x" * 2000},
        {"from_email": "Zoë's Lädchen <noreply@example.com>"},
        {"bcc": ["archive@example.com"]},
        {"alternatives": []},
    ],
    ids=str,
)
def test_shared_mail_says_what_djangos_own_would(change):
    message = NotificationMail(**{**PLAIN, **change})

    for _ in range(2):
        shared = sharing_mail(message)

        assert shared.sender == "noreply@example.com"
        assert shared.recipients == message.recipients()
        assert b"\n" not in shared.content.replace(b"\r\n", b"")
        assert parsed(shared.content) == parsed(djangos_bytes(message))


def test_each_of_those_that_share_a_text_gets_recipient_and_id_of_its_own():
    for number in range(3):
        message_id = f"<{number}@example.com>"
        to = f"egg{number}@example.com"
        message = NotificationMail(**{**PLAIN, "to": [to], "headers": {"Message-ID": message_id}})
        headers, _ = parsed(sharing_mail(message).content)
        assert (headers["To"], headers["Message-ID"]) == (to, message_id)


@pytest.mark.parametrize(
    "change",
    [
        {"to": ["Eggs <egg@example.com>"]},
        {"to": ["zoë@example.com"]},
        {"to": ["egg@bücher.example"]},
        {"to": ["egg@example.com\r\nBcc: spy@example.com"]},
        {"to": ["egg@example.com", "second@example.com"]},
        {"to": ["a" * 70 + "@example.com"]},
        {"bcc": ["Archive <archive@example.com>"]},
        {"cc": ["second@example.com"]},
        {"reply_to": ["second@example.com"]},
        {"headers": {"Message-ID": MESSAGE_ID, "X-Campaign": "1"}},
        {"headers": {"Message-ID": "<a b@example.com>\r\nX: y"}},
        {"headers": {"Date": "Thu, 01 Jan 1970 00:00:00 +0000"}},
        {"attachments": [("a.txt", b"a", "text/plain")]},
    ],
    ids=str,
)
def test_what_is_out_of_the_ordinary_is_left_to_django(change):
    assert sharing_mail(NotificationMail(**{**PLAIN, **change})) is None


def test_backend_that_does_more_than_djangos_gets_every_message():
    class Signing(smtp.EmailBackend):
        def _send(self, email_message):
            return super()._send(email_message)

    class WithOtherClient(smtp.EmailBackend):
        pass

    silent = made(smtp.EmailBackend)
    silent.fail_silently = True
    assert sends_plainly(made(WithOtherClient))
    assert not sends_plainly(made(Signing))
    assert not sends_plainly(silent)


def made(backend_class: type[smtp.EmailBackend]) -> smtp.EmailBackend:
    # From Django 6.1 a backend has an alias, or warns.
    return backend_class(host="127.0.0.1", **({"alias": "default"} if HAS_MAILERS else {}))


def djangos_bytes(message: NotificationMail) -> bytes:
    """Return what Django's SMTP backend hands to smtplib."""
    taken = []

    class Client:
        def sendmail(self, sender, recipients, content):
            taken.append(content)

    backend = made(smtp.EmailBackend)
    backend.connection = Client()
    backend._send(message)
    return taken[0]
