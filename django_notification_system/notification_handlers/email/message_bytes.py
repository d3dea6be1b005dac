"""The bytes of mails with the same text, made once for all of them.

To turn a message into bytes takes Python's email package four times as long as to send them. The
mails of a campaign differ in three lines of the header.
"""

import re
from dataclasses import dataclass
from email.utils import formatdate, parseaddr
from functools import lru_cache
from typing import Any, cast

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends import smtp

from .mime import HAS_POLICIES, NotificationMail

#: An address that stands unchanged in a header: ASCII, without name, quotes or folds.
PLAIN_ADDRESS = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
)
PLAIN_MESSAGE_ID = re.compile(r"<[A-Za-z0-9-]+@[A-Za-z0-9.-]+>")
#: RFC 5322, section 2.1.1: a line should have no more characters than 78.
LONGEST_PLAIN = 60
#: Placeholders in the shared bytes, cut out afterwards.
ANY_DATE = "Thu, 01 Jan 1970 00:00:00 +0000"
ANY_MESSAGE_ID = "<any@example.com>"
PLACEHOLDERS = re.compile(
    rb"^(?:Date: Thu, 01 Jan 1970 00:00:00 \+0000|Message-ID: <any@example\.com>)\r\n", re.MULTILINE
)


@dataclass(frozen=True)
class SharingMail:
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
    """Return whether a backend treats messages exactly like Django's own SMTP backend."""
    return (
        isinstance(backend, smtp.EmailBackend)
        and not getattr(backend, "fail_silently", False)
        and all(
            getattr(type(backend), name, None) is getattr(smtp.EmailBackend, name, None)
            for name in ("send_messages", "_send", "prep_address")
        )
    )


def sharing_mail(message: EmailMultiAlternatives) -> SharingMail | None:
    """Return the bytes that Django's SMTP backend would send, with the shared part made once.

    ``None`` for any unusual message, such as a message with an attachment or a copy.
    """
    if type(message) is not NotificationMail:
        return None
    sender = envelope_sender(message.from_email)
    recipients = message.recipients()
    message_id = message.extra_headers.get("Message-ID", "")
    is_ordinary = (
        len(message.to) == 1
        and not (message.cc or message.reply_to or message.attachments)
        and len(message.extra_headers) == 1
        and _is_plain(PLAIN_MESSAGE_ID, message_id)
        and all(_is_plain(PLAIN_ADDRESS, address) for address in (sender, *recipients))
    )
    if not is_ordinary:
        return None
    shared = _shared_bytes(
        message.subject,
        str(message.body),
        tuple((str(content), str(kind)) for content, kind in message.alternatives),
        message.from_email,
        message.is_seven_bit,
    )
    date = formatdate(localtime=settings.EMAIL_USE_LOCALTIME)
    own = f"To: {message.to[0]}\r\nDate: {date}\r\nMessage-ID: {message_id}\r\n"
    return SharingMail(sender, recipients, own.encode() + shared)


# A few, because a message may be large.
@lru_cache(maxsize=8)
def _shared_bytes(
    subject: str,
    body: str,
    alternatives: tuple[tuple[str, str], ...],
    from_email: str,
    is_seven_bit: bool,
) -> bytes:
    """Return a message's bytes, as Django makes them, without the lines that differ by mail."""
    message = NotificationMail(
        subject,
        body,
        from_email,
        headers={"Date": ANY_DATE, "Message-ID": ANY_MESSAGE_ID},
        alternatives=list(alternatives),
    )
    message.is_seven_bit = is_seven_bit
    head, empty_line, rest = message.octets().partition(b"\r\n\r\n")
    return PLACEHOLDERS.sub(b"", head + b"\r\n") + empty_line[2:] + rest


@lru_cache(maxsize=8)
def envelope_sender(from_email: str) -> str:
    """Return the envelope's sender in the form of Django's SMTP backend, or an empty text."""
    try:
        if HAS_POLICIES:
            # prep_address() uses nothing of its backend.
            return str(smtp.EmailBackend.prep_address(cast(Any, None), from_email))
        from django.core.mail.message import sanitize_address

        # With the name; smtplib takes the address out of the text.
        return parseaddr(sanitize_address(from_email, settings.DEFAULT_CHARSET))[1]
    except Exception:
        return ""


def _is_plain(pattern: re.Pattern[str], text: str) -> bool:
    return len(text) <= LONGEST_PLAIN and pattern.fullmatch(text) is not None
