"""A mail of the project's own, taken by the mail backend that queues, made again to be sent."""

import email
import email.policy
from email.message import Message
from typing import Any

from django.core.mail import EmailMultiAlternatives

from .mime import HAS_POLICIES

CRLF = b"\r\n"


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

    Attributes:
        content: The bytes.
        envelope: The recipients.
    """

    content: bytes = b""
    envelope: list[str]

    def message(self, **kwargs: Any) -> Any:
        """Return the message that Django's backends send; see ``EmailMessage.message()``."""
        policy = kwargs.get("policy") or (
            email.policy.default if HAS_POLICIES else email.policy.compat32
        )
        made = email.message_from_bytes(self.content, _class=BytesOfMessage, policy=policy)
        made.content = self.content
        return made

    def recipients(self) -> list[str]:
        """Return all recipients."""
        return self.envelope

    def texts(self) -> list[str]:
        """Return the texts in the bytes, such as to know them in a server's words."""
        parts = [part for part in self.message().walk() if part.get_content_maintype() == "text"]
        payloads = [part.get_payload(decode=True) for part in parts]
        return [bytes(payload or b"").decode(errors="replace") for payload in payloads]


def bytes_of(message: Any) -> bytes:
    """Return the bytes that Django's SMTP backend would send of a message.

    Args:
        message: A message of any class of Django's kind.
    """
    if HAS_POLICIES:
        return bytes(message.message(policy=email.policy.SMTP).as_bytes())
    return bytes(message.message().as_bytes(linesep="\r\n"))
