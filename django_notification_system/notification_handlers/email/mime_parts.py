"""MIME parts in a message's attachments: taken apart to be stored, and put together again.

A picture in a mail's text has a new Content-ID in each mail. Without its header the picture is the
same for all mails, and is stored once.
"""

import base64
import email
import email.policy
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message, MIMEPart
from email.mime.base import MIMEBase
from email.policy import Policy
from typing import Any

EMPTY_LINE = b"\n\n"
#: Encodings in which the content follows from the part's octets and back.
AS_CONTENT = frozenset({"", "7bit", "8bit", "base64", "binary"})


@dataclass(frozen=True)
class PackedPart:
    """A MIME part for storing.

    Attributes:
        content: The decoded content, or the whole part's bytes.
        headers: The part's header and class; without ``"head"``, the content is the whole part.
    """

    content: bytes
    headers: Mapping[str, Any]

    @property
    def is_whole(self) -> bool:
        """Whether the content is the whole part's bytes."""
        return "head" not in self.headers


class _LegacyPart(MIMEBase):
    """A part for Django's check of the class, without headers of its own."""

    def __init__(self, policy: Policy = email.policy.compat32) -> None:
        Message.__init__(self, policy=policy)


def packed_part(part: Message) -> PackedPart | None:
    """Return a MIME part for storing, or ``None`` where the part could not be made again exactly.

    Args:
        part: An entry of a message's attachments.
    """
    for make in (_apart, _whole):
        try:
            packed = make(part)
            if packed is not None and _is_same(part, unpacked_part(packed.content, packed.headers)):
                return packed
        except Exception:  # whatever Python's email package cannot write
            return None
    return None


def unpacked_part(content: bytes, headers: Mapping[str, Any]) -> Message:
    """Return a stored MIME part.

    Args:
        content: The stored content.
        headers: The stored header and class.
    """
    if "head" not in headers:
        return _parsed(content, headers)
    part = _parsed(headers["head"].encode("ascii") + EMPTY_LINE, headers)
    if headers["base64"]:
        content = base64.encodebytes(content)
    part.set_payload(content.decode("ascii", "surrogateescape"))
    return part


def _parsed(content: bytes, headers: Mapping[str, Any]) -> Message:
    if headers["modern"]:
        return email.message_from_bytes(content, _class=MIMEPart, policy=email.policy.default)
    return email.message_from_bytes(content, _class=_LegacyPart, policy=email.policy.compat32)


def _apart(part: Message) -> PackedPart | None:
    encoding = str(part.get("Content-Transfer-Encoding", "")).lower()
    content = None if part.is_multipart() else part.get_payload(decode=True)
    head, _, _ = part.as_bytes().partition(EMPTY_LINE)
    if encoding not in AS_CONTENT or not isinstance(content, bytes) or not head.isascii():
        return None
    headers = {
        "head": head.decode("ascii"),
        "base64": encoding == "base64",
        "modern": isinstance(part, MIMEPart),
    }
    return PackedPart(content, headers)


def _whole(part: Message) -> PackedPart:
    return PackedPart(part.as_bytes(), {"modern": isinstance(part, MIMEPart)})


def _is_same(part: Message, made: Message) -> bool:
    """Tell whether two parts are alike for all backends: those that write, and those that read."""
    policies = (None, part.policy.clone(linesep="\r\n"), email.policy.SMTP)
    return all(
        part.as_bytes(policy=each) == made.as_bytes(policy=each) for each in policies
    ) and all(
        mine.get_payload(decode=True) == other.get_payload(decode=True)
        for mine, other in zip(part.walk(), made.walk(), strict=True)
    )
