"""A mail of the project's own, taken by the mail backend that queues, made again to be sent."""

import email
import email.policy
from collections.abc import Mapping
from email.message import Message
from typing import Any

from django.core.mail import EmailMultiAlternatives

from .mime import HAS_POLICIES

CRLF = b"\r\n"
#: The header that names a message; ``extra_headers`` has the header for the row of the mail.
MESSAGE_ID = "message-id"


class QueuedMail(EmailMultiAlternatives):
    """A queued mail: Django writes the mail, as without the queue."""

    is_seven_bit = False


class BytesOfMessage(Message):
    """A message that is written as the very bytes that a class of the project's made.

    Attributes:
        content: The bytes, with lines that end in CRLF.
    """

    content: bytes

    def as_bytes(self, *args: Any, **kwargs: Any) -> bytes:
        """Return the bytes, with the line ends that the caller's policy asks for."""
        policy = kwargs.get("policy") or self.policy
        line_end = str(kwargs.get("linesep") or policy.linesep).encode()
        return self.content.replace(CRLF, line_end)

    def as_string(self, *args: Any, **kwargs: Any) -> str:
        """Return the bytes as text."""
        return self.as_bytes(**kwargs).decode("ascii", "surrogateescape")


class QueuedBytes(QueuedMail):
    """A queued mail of a class of the project's own, kept as the bytes that the class made.

    The recipients are in ``to``, whichever header has them.

    Attributes:
        content: The bytes.
    """

    content: bytes = b""

    def message(self, **kwargs: Any) -> Any:
        """Return the message that Django's backends send; see ``EmailMessage.message()``.

        Headers that the backend has put into ``extra_headers`` since then are added.
        """
        policy = kwargs.get("policy") or (
            email.policy.default if HAS_POLICIES else email.policy.compat32
        )
        made = email.message_from_bytes(self.content, _class=BytesOfMessage, policy=policy)
        added = {
            name: value
            for name, value in self.extra_headers.items()
            if name not in made and name.lower() != MESSAGE_ID
        }
        made.content = _with_headers(self.content, added)
        for name, value in added.items():
            made[name] = str(value)
        return made

    def texts(self) -> list[str]:
        """Return the texts in the bytes, such as to know them in a server's words."""
        parts = [
            part
            for part in email.message_from_bytes(self.content).walk()
            if part.get_content_maintype() == "text"
        ]
        payloads = [part.get_payload(decode=True) for part in parts]
        return [bytes(payload or b"").decode(errors="replace") for payload in payloads]


def _with_headers(content: bytes, added: Mapping[str, Any]) -> bytes:
    """Return a message's bytes with further headers, of ASCII and of one line each."""
    lines = [f"{name}: {value}" for name, value in added.items()]
    plain = [line.encode() for line in lines if line.isascii() and line.isprintable()]
    head, end, body = content.partition(CRLF * 2)
    return CRLF.join([head, *plain]) + end + body


def bytes_of(message: Any) -> bytes:
    """Return the bytes that Django's SMTP backend would send of a message.

    Args:
        message: A message of any class of Django's kind.
    """
    if HAS_POLICIES:
        return bytes(message.message(policy=email.policy.SMTP).as_bytes())
    return bytes(message.message().as_bytes(linesep="\r\n"))
