"""The bytes of a mail's attachments, as Django encodes them."""

import re
from base64 import encodebytes
from dataclasses import dataclass
from typing import Any

from django.core.mail import EmailAttachment

from .text_bytes import EncodedText, encoded_anew

#: Types whose files Django neither parses nor parts.
ORDINARY_TYPE = re.compile(r"(?!message/|multipart/)[a-z]+/[a-z0-9.+-]+")
#: A name that stands in quotes as given; a header's line is folded by the name's length alone.
PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")
#: 'Content-Disposition: attachment; filename=""' and such a name fit on a line of 75 characters.
LONGEST_ON_THE_LINE = 31


@dataclass(frozen=True)
class AttachmentKind:
    """An attachment but for its content: all of one kind have the same headers.

    Attributes:
        media_type: The file's type.
        encoding: The value of ``Content-Transfer-Encoding``.
        name: The file's name, or a name that stands for all plain names of one length.
        is_sample: Whether the name stands for others.
    """

    media_type: str
    encoding: str
    name: str
    is_sample: bool


@dataclass(frozen=True)
class AttachedFile:
    """A file in the form of a mail's part.

    Attributes:
        kind: The file's kind.
        name: The file's name.
        content: The part's content.
    """

    kind: AttachmentKind
    name: str
    content: bytes


def attached_file(attachment: Any) -> AttachedFile | None:
    """Return a file as Django writes the file's part, or ``None`` for an unusual attachment.

    Args:
        attachment: A member of a message's ``attachments``.
    """
    if not isinstance(attachment, EmailAttachment):
        return None
    name, content, media_type = attachment
    if not (name and content and isinstance(name, str) and ORDINARY_TYPE.fullmatch(media_type)):
        return None
    encoded = _encoded(content, is_text=media_type.startswith("text/"))
    if encoded is None:
        return None
    is_plain = PLAIN_NAME.fullmatch(name) is not None
    sample = _sample_name(len(name)) if is_plain else name
    kind = AttachmentKind(media_type, encoded.encoding, sample, is_plain)
    return AttachedFile(kind, name, encoded.content)


def encoded_bytes(content: bytes) -> EncodedText:
    """Return a file as Django writes the file: as base64, in lines.

    Args:
        content: The file's octets.
    """
    return EncodedText("base64", encodebytes(content).replace(b"\n", b"\r\n"))


def _encoded(content: Any, *, is_text: bool) -> EncodedText | None:
    if is_text:
        # Not kept: a file may be much larger than a mail's text.
        return encoded_anew(content) if isinstance(content, str) else None
    return encoded_bytes(content) if isinstance(content, bytes) else None


def _sample_name(length: int) -> str:
    return "sample-name".ljust(length if length > LONGEST_ON_THE_LINE else 0, "x")
