"""A mail in Django's form, with more care for headers and for octets beyond ASCII."""

import email.encoders
import email.policy
from email.message import Message
from typing import Any

import django
from django.core.mail import EmailMultiAlternatives

from .headers import POLICY_OF_OLD, policy_of_headers

HAS_POLICIES = django.VERSION >= (6, 0)
ENCODED = frozenset({"base64", "quoted-printable"})


class NotificationMail(EmailMultiAlternatives):
    """A mail whose headers from ``extra`` stay unchanged, whatever backend sends the mail.

    Attributes:
        is_seven_bit: Whether the whole mail must be ASCII, because the server does not offer
            8BITMIME (RFC 6152, section 3).
    """

    is_seven_bit = False

    def message(self, **kwargs: Any) -> Any:
        """Return the message that Django's backends send; see ``EmailMessage.message()``."""
        if HAS_POLICIES:
            policy = kwargs.get("policy", email.policy.default)
            kwargs["policy"] = policy_of_headers(policy)
        made = super().message(**kwargs)
        if not HAS_POLICIES:
            made.policy = POLICY_OF_OLD
        if self.is_seven_bit:
            for part in made.walk():
                _encode(part)
        return made


def _encode(part: Message) -> None:
    """Encode a part's octets beyond ASCII; a multipart's parts are encoded by themselves."""
    encoding = str(part.get("Content-Transfer-Encoding", "")).lower()
    if part.is_multipart():
        if encoding in ("8bit", "binary"):
            part.replace_header("Content-Transfer-Encoding", "7bit")
        return
    if encoding in ENCODED:
        return
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes) or content.isascii():
        return
    del part["Content-Transfer-Encoding"]
    # An octet beyond ASCII takes three characters as quoted-printable, and 4/3 as base64.
    beyond_ascii = sum(octet > 127 for octet in content)
    if beyond_ascii * 6 < len(content):
        email.encoders.encode_quopri(part)
    else:
        email.encoders.encode_base64(part)
