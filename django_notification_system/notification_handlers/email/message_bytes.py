"""The bytes of ordinary mails, written without Python's email package.

The email package takes a millisecond for a mail, ten times as long as the server's own part. An
ordinary mail's bytes are exactly Django's, apart from the boundary; any other mail takes Django's
way.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.charset import Charset
from email.utils import format_datetime, formatdate, parseaddr
from functools import lru_cache
from typing import Any, cast

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends import smtp
from django.utils.timezone import get_current_timezone

from ...models.address import PLAIN_ADDRESS
from .attachment_bytes import attached_file
from .header_bytes import STRUCTURED, header_line
from .mime import HAS_POLICIES, NotificationMail
from .queued_mail import QueuedMail
from .shape import shape_of
from .text_bytes import encoded_text

#: RFC 5322, section 2.1.1: a line should have no more characters than 78.
LONGEST_PLAIN = 60
#: Headers that an attribute of the mail sets.
HEADERS_OF_ATTRIBUTES = frozenset({"bcc", "cc", "date", "from", "reply-to", "subject", "to"})


@dataclass(frozen=True)
class WrittenMail:
    """The arguments of ``smtplib.SMTP.sendmail()``.

    Attributes:
        sender: The envelope's sender.
        recipients: The envelope's recipients.
        content: The message.
    """

    sender: str
    recipients: list[str]
    content: bytes


def sends_plainly(backend: Any) -> bool:
    """Return whether a backend treats messages exactly like Django's own SMTP backend.

    Args:
        backend: The backend's instance.
    """
    return (
        isinstance(backend, smtp.EmailBackend)
        and not getattr(backend, "fail_silently", False)
        and all(
            getattr(type(backend), name, None) is getattr(smtp.EmailBackend, name, None)
            for name in ("send_messages", "_send", "prep_address")
        )
    )


def written_mail(message: EmailMultiAlternatives) -> WrittenMail | None:
    """Return the bytes that Django's SMTP backend would send, or ``None`` for any unusual mail.

    A mail is ordinary with one recipient and no copies, and with a text, perhaps HTML, and perhaps
    files.

    Args:
        message: The mail.
    """
    if type(message) is QueuedMail:
        if not _is_plainly_headed(message):
            return None
    elif type(message) is not NotificationMail:
        return None
    if not _is_ordinary(message):
        return None
    sender = envelope_sender(message.from_email)
    recipients = message.recipients()
    if not all(_is_plain(address) for address in (sender, *recipients)):
        return None
    try:
        texts = (message.body, *(html for html, _ in message.alternatives))
        content = _octets(message, [str(text) for text in texts])
    except Exception:  # whatever is wrong, Django says so when the mail goes Django's way
        return None
    return None if content is None else WrittenMail(sender, recipients, content)


def _is_plainly_headed(message: QueuedMail) -> bool:
    """Tell whether Django and this app write a queued mail's headers alike: on a line each."""
    return all(
        isinstance(value, str)
        and value.isascii()
        and len(name) + len(value) <= LONGEST_PLAIN
        and value.strip() == value != ""
        and not name.lower().startswith("list-")
        for name, value in message.extra_headers.items()
    )


def _is_ordinary(message: NotificationMail | QueuedMail) -> bool:
    alternatives = message.alternatives
    return (
        len(message.to) == 1
        and not (message.cc or message.reply_to)
        and bool(message.body)
        and message.content_subtype == "plain"
        and not isinstance(message.encoding, Charset)  # a charset equals its own name
        and settings.DEFAULT_CHARSET == "utf-8"  # shapes and lines are kept in this charset
        and (message.encoding or "utf-8") == "utf-8"
        and (not alternatives or [kind for _, kind in alternatives] == ["text/html"])
        and HEADERS_OF_ATTRIBUTES.isdisjoint(map(str.lower, message.extra_headers))
        and not message.is_seven_bit
        and _has_ascii_addresses(message)
    )


def _has_ascii_addresses(message: NotificationMail | QueuedMail) -> bool:
    """Tell whether Django leaves the addresses as given: from 6.1 on, Django rewrites domains."""
    return parseaddr(message.from_email)[1].isascii() and all(
        str(value).isascii()
        for name, value in message.extra_headers.items()
        if name.lower() in STRUCTURED
    )


def _octets(message: NotificationMail | QueuedMail, texts: list[str]) -> bytes | None:
    encoded = [found for text in texts if (found := encoded_text(text)) is not None]
    if len(encoded) < len(texts):
        return None
    files = [file for each in message.attachments if (file := attached_file(each)) is not None]
    if len(files) < len(message.attachments):
        return None
    headers = message.extra_headers
    encodings = tuple([each.encoding for each in encoded])
    shape = shape_of(tuple(headers), encodings, tuple([file.kind for file in files]))
    if shape is None:
        return None
    values = {
        "Subject": message.subject,
        "From": message.from_email,
        "To": message.to[0],
        **headers,
    }
    lines = {name: header_line(name, str(value)) for name, value in values.items()}
    lines["Date"] = f"Date: {_date()}\r\n".encode()
    return shape.filled(lines, [each.content for each in encoded], files)


def _date() -> str:
    """Return the moment, as Django writes the moment."""
    if not HAS_POLICIES:
        return formatdate(localtime=settings.EMAIL_USE_LOCALTIME)
    zone = get_current_timezone() if settings.EMAIL_USE_LOCALTIME else UTC
    return format_datetime(datetime.now(zone))


@lru_cache(maxsize=8)
def envelope_sender(from_email: str) -> str:
    """Return the envelope's sender in the form of Django's SMTP backend, or an empty text.

    Args:
        from_email: The message's sender, with or without a name.
    """
    try:
        if HAS_POLICIES:
            # prep_address() uses nothing of its backend.
            return str(smtp.EmailBackend.prep_address(cast(Any, None), from_email))
        # Of Django before 6.0: deprecated since.
        from django.core.mail.message import sanitize_address

        # With the name; smtplib takes the address out of the text.
        return parseaddr(sanitize_address(from_email, settings.DEFAULT_CHARSET))[1]
    except Exception:
        return ""


def _is_plain(address: str) -> bool:
    return len(address) <= LONGEST_PLAIN and PLAIN_ADDRESS.fullmatch(address) is not None
