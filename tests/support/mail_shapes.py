"""Mails of many shapes, as projects and packages send them through Django's mail functions."""

from collections.abc import Callable
from datetime import UTC, datetime
from email import encoders
from email.charset import QP, Charset
from email.message import MIMEPart
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from typing import Any

import django
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.translation import gettext_lazy

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3
HAS_PARTS = django.VERSION >= (6, 0)


def plain(**fields: Any) -> EmailMessage:
    values = {
        "subject": "Hello",
        "body": "World\n",
        "from_email": "shop@example.com",
        "to": ["ann@example.com"],
    }
    return EmailMessage(**{**values, **fields})


def rich(**fields: Any) -> EmailMultiAlternatives:
    values = {
        "subject": "Hello",
        "body": "World\n",
        "from_email": "Shop <shop@example.com>",
        "to": ["Ann Lee <ann@example.com>"],
    }
    made = EmailMultiAlternatives(**{**values, **fields})
    made.attach_alternative("<p>World</p>", "text/html")
    return made


def with_files(message: EmailMessage, *files: tuple[Any, ...]) -> EmailMessage:
    for file in files:
        message.attach(*file)
    return message


def html_only() -> EmailMessage:
    message = plain(body="<p>Nur HTML: ä</p>")
    message.content_subtype = "html"
    return message


def calendar() -> EmailMessage:
    message = rich()
    message.attach_alternative("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar; x=y")
    return message


def amp() -> EmailMessage:
    message = EmailMultiAlternatives("AMP", "text", "shop@example.com", ["ann@example.com"])
    message.attach_alternative("<html amp4email></html>", "text/x-amp-html")
    message.attach_alternative("<p>html</p>", "text/html")
    return message


def picture(content_id: str, main: str = "image", sub: str = "png") -> Any:
    """A picture in the text, as packages and projects attach it."""
    if HAS_PARTS:
        part = MIMEPart()
        part.set_content(
            PNG, maintype=main, subtype=sub, disposition="inline", cid=f"<{content_id}>"
        )
        return part
    made = MIMEImage(PNG, sub)
    made["Content-Disposition"] = 'inline; filename="logo.png"'
    made["Content-ID"] = f"<{content_id}>"
    return made


def inline_picture() -> EmailMessage:
    message = rich()
    message.attach(picture("logo@example.com"))
    return message


def part_beyond_ascii() -> EmailMessage:
    message = plain()
    if HAS_PARTS:
        part: Any = MIMEPart()
        part.set_content(PNG, maintype="application", subtype="zip", filename="Größe.zip")
    else:
        part = MIMEBase("application", "zip")
        part.set_payload(PNG)
        encoders.encode_base64(part)
        part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", "Größe.zip"))
    message.attach(part)
    return message


def text_part() -> EmailMessage:
    message = plain()
    if HAS_PARTS:
        part: Any = MIMEPart()
        part.set_content("Zeile ä\n", subtype="csv", filename="a.csv")
    else:
        part = MIMEBase("text", "csv", charset="utf-8")
        part.set_payload("a;b\n")
        part.add_header("Content-Disposition", "attachment", filename="a.csv")
    message.attach(part)
    return message


def raw_part() -> EmailMessage:
    """A part with its octets as they are, as django-post_office makes parts with headers."""
    message = plain()
    part: Any = MIMEPart() if HAS_PARTS else MIMEBase("application", "zip")
    if HAS_PARTS:
        part["Content-Type"] = "application/zip"
    part.set_payload("raw\r\nlines\n")
    part["Content-Disposition"] = 'attachment; filename="raw.zip"'
    message.attach(part)
    return message


def odd_encoding() -> EmailMessage:
    message = plain(subject="Größe", body="Größe\n")
    message.encoding = "iso-8859-1"
    return message


def charset() -> EmailMessage:
    message = plain(body="Größe\n" * 5)
    own = Charset("utf-8")
    own.body_encoding = QP
    message.encoding = "utf-8" if HAS_PARTS else own
    return message


def attached_message() -> EmailMessage:
    message = plain(subject="Fwd")
    inner = plain(subject="inner", headers={"Message-ID": "<a@b.example>", "Date": DATE})
    message.attach("inner.eml", inner, "message/rfc822")
    return message


def attached_eml() -> EmailMessage:
    return with_files(plain(), ("old.eml", b"Subject: old\n\nHello\n", "message/rfc822"))


class Shouting(EmailMessage):
    """A class with a message of its own, as packages for signing have it."""

    def message(self, **kwargs: Any) -> Any:
        made = super().message(**kwargs)
        made["X-Signed"] = "yes"
        return made


class Elsewhere(EmailMessage):
    """A class with an envelope of its own."""

    def recipients(self) -> list[str]:
        return ["verp+1@example.com", "verp+2@example.com"]


class Templated(EmailMultiAlternatives):
    """A class that adds what is its own, and leaves the message to Django."""

    def __init__(self, *args: Any, request: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.template_name = "welcome"


def templated() -> EmailMessage:
    return Templated("T", "t", "shop@example.com", ["ann@example.com"], request=object())


def related() -> EmailMessage:
    message: Any = inline_picture()
    if not HAS_PARTS:
        message.mixed_subtype = "related"
    return message


DATE = "Mon, 05 Jan 2026 10:00:00 +0000"
LONG = "Eine sehr lange Betreffzeile mit Größe, " * 6
SHAPES: dict[str, Callable[[], EmailMessage]] = {
    "plain text": plain,
    "text beyond ASCII": lambda: plain(subject="Größe €", body="Größe €\n"),
    "empty text": lambda: plain(body=""),
    "empty subject": lambda: plain(subject=""),
    "subject over 100 characters": lambda: plain(subject="A long subject, " * 12),
    "long subject beyond ASCII": lambda: plain(subject=LONG),
    "lazy subject": lambda: plain(subject=gettext_lazy("Yes")),
    "lines over 998 characters": lambda: plain(body="x" * 3000 + "\n"),
    "line ends of Windows": lambda: plain(body="one\r\ntwo\r\n.dot\r\n"),
    "several recipients": lambda: plain(to=["a@example.com", "B Lee <b@example.com>"]),
    "copies": lambda: plain(cc=["c@example.com"], bcc=["d@example.com", "e@example.com"]),
    "blind copies alone": lambda: plain(to=[], bcc=["d@example.com"]),
    "reply-to": lambda: plain(reply_to=["help@example.com", "Büro <office@example.com>"]),
    "names beyond ASCII": lambda: plain(
        from_email="Läden <shop@example.com>", to=["Änn <ann@example.com>"]
    ),
    "a domain beyond ASCII": lambda: plain(to=["ann@bücher.example"]),
    "headers": lambda: plain(headers={"X-B": "2", "X-A": "1", "List-Unsubscribe": "<https://e/>"}),
    "headers beyond ASCII": lambda: (
        plain(headers={"X-Größe".replace("ö", "oe"): "ä" * 60})
        if False
        else plain(headers={"X-Size": "ä" * 60})
    ),
    "own Message-ID and Date": lambda: plain(
        headers={"Message-ID": "<own@example.com>", "Date": DATE}
    ),
    "From and To as headers": lambda: plain(
        headers={"From": "Sender <other@example.com>", "To": "list@example.com"}
    ),
    # Django 6 refuses a header that is no text.
    "a number as header": lambda: plain(headers={"X-Number": "7" if HAS_PARTS else 7}),
    "HTML alone": html_only,
    "text and HTML": rich,
    "calendar": calendar,
    "AMP": amp,
    "a file": lambda: with_files(plain(), ("a.pdf", PNG, "application/pdf")),
    "files of many kinds": lambda: with_files(
        rich(),
        ("a.txt", "Text ä\n", "text/plain"),
        ("b.csv", b"a;b\n"),
        ("c.bin", b"\x00\xff", None),
        ("Größe.png", PNG, "image/png"),
        (None, b"unnamed", "application/zip"),
        ("bad.txt", b"\xff\xfe", "text/plain"),
    ),
    "a file alone": lambda: with_files(plain(body=""), ("a.pdf", PNG, "application/pdf")),
    "an inline picture": inline_picture,
    "a related picture": related,
    "a part with a name beyond ASCII": part_beyond_ascii,
    "a part of text": text_part,
    "a part without an encoding": raw_part,
    "an attached mail": attached_message,
    "a mail as bytes": attached_eml,
    "another encoding": odd_encoding,
    "a charset": charset,
    "a class that signs": lambda: Shouting("S", "s", "shop@example.com", ["ann@example.com"]),
    "a class with an envelope": lambda: Elsewhere("S", "s", "a@example.com", ["b@example.com"]),
    "a class with a request": templated,
    "NUL in the text": lambda: plain(body="a\x00b\n"),
}


def anymail_attributes() -> dict[str, Any]:
    return {
        "tags": ["reset", "urgent"],
        "metadata": {"order": 17, "nested": {"a": [1, 2.5, None, True]}},
        "merge_data": {"ann@example.com": {"name": "Ann"}},
        "merge_global_data": {"shop": "Läden"},
        "merge_metadata": {"ann@example.com": {"id": 1}},
        "merge_headers": {"ann@example.com": {"X-A": "1"}},
        "template_id": "welcome-17",
        "send_at": datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC),
        "esp_extra": {"ip_pool": "main"},
        "track_clicks": False,
        "track_opens": True,
        "envelope_sender": "bounces@example.com",
    }
