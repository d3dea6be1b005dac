"""The bytes of a mail's text or HTML, as Django encodes them."""

import email.policy
import re
from collections.abc import Callable
from dataclasses import dataclass
from email import contentmanager
from functools import lru_cache
from typing import Any

from .headers import LONGEST_LINE
from .mime import HAS_POLICIES

LINE_END = re.compile(rb"\r\n|\r|\n")
#: Python's own choice of an encoding; private, so that a Python may come without it.
_encode_text: Callable[..., tuple[str, str]] | None = getattr(contentmanager, "_encode_text", None)


@dataclass(frozen=True)
class EncodedText:
    """A text in the form of a mail's part.

    Attributes:
        encoding: The value of ``Content-Transfer-Encoding``.
        content: The part's content.
    """

    encoding: str
    content: bytes


def encoded_anew(text: str) -> EncodedText | None:
    """Return a text as Django writes the text's part, or ``None`` where nobody can tell.

    Args:
        text: Plain text or HTML, without lone surrogates.
    """
    if HAS_POLICIES:
        return _by_policy(text)
    octets = text.encode()
    if any(len(line) > LONGEST_LINE for line in octets.split(b"\n")):
        return _by_mime_text(text)
    return EncodedText("7bit" if text.isascii() else "8bit", _with_line_ends(octets))


#: As ``encoded_anew()``, with a few results kept: the mails of a campaign have the same texts.
encoded_text = lru_cache(maxsize=8)(encoded_anew)


def _by_policy(text: str) -> EncodedText | None:
    if _encode_text is None:
        return None
    encoding, data = _encode_text(text, "utf-8", None, email.policy.SMTP)
    return EncodedText(encoding, _with_line_ends(data.encode("ascii", "surrogateescape")))


def _by_mime_text(text: str) -> EncodedText:
    # Of Django before 6.0: deprecated since.
    from django.core.mail.message import SafeMIMEText

    part: Any = SafeMIMEText(text, "plain", "utf-8")
    payload = part.get_payload().encode("ascii", "surrogateescape")
    return EncodedText(str(part["Content-Transfer-Encoding"]), _with_line_ends(payload))


def _with_line_ends(octets: bytes) -> bytes:
    if b"\r" in octets:
        return LINE_END.sub(b"\r\n", octets)
    return octets.replace(b"\n", b"\r\n")
