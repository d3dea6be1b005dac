"""The shape of a mail, learned from a mail that Django makes.

Django's releases differ in the order of headers, and in the lines between parts. A shape is learned
once, from a small mail, and is then filled with the headers and texts of other mails.
"""

import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .header_bytes import header_line
from .mime import NotificationMail
from .text_bytes import encoded_text

#: By encoding: a text that Django encodes so.
SAMPLES: Mapping[str, str] = {
    "7bit": "x",
    "8bit": "é",
    "quoted-printable": "x" * 999,
    "base64": "é" * 999,
}
SAMPLE_HEADER = "<x@example.com>"
EMPTY_LINE = b"\r\n\r\n"
BEFORE_HEADER = re.compile(rb"(?<=\r\n)(?![ \t])")
BOUNDARY = re.compile(rb'boundary="([^"]+)"')
#: Headers that follow from the parts.
OF_PARTS = frozenset({b"content-type", b"content-transfer-encoding", b"mime-version"})


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The order of a mail's headers, and the bytes around the mail's texts.

    Attributes:
        head: The headers: the name of a header of the mail's own, or the bytes of another.
        around: The bytes before the first text, between texts, and behind the last.
        boundary: The boundary in these bytes; empty in a mail without parts.
    """

    head: tuple[str | bytes, ...]
    around: tuple[bytes, ...]
    boundary: bytes

    def filled(self, lines: Mapping[str, bytes], texts: Sequence[bytes]) -> bytes:
        """Return a mail, with a boundary that no text has.

        Args:
            lines: By name: the lines of the mail's own headers.
            texts: The contents of the parts.
        """
        boundary = new_boundary()
        while any(boundary in text for text in texts):
            boundary = new_boundary()
        return self.filled_with_boundary(lines, texts, boundary)

    def filled_with_boundary(
        self, lines: Mapping[str, bytes], texts: Sequence[bytes], boundary: bytes
    ) -> bytes:
        """Return a mail; see ``filled()``."""

        def own(ready: bytes) -> bytes:
            return ready.replace(self.boundary, boundary) if self.boundary else ready

        before, *behind = map(own, self.around)
        pieces = [lines[each] if isinstance(each, str) else own(each) for each in self.head]
        pieces.append(before)
        for text, after in zip(texts, behind, strict=True):
            pieces += text, after
        return b"".join(pieces)


def new_boundary() -> bytes:
    """Return a boundary in the form of Python's email package, by chance."""
    return b"===============%019d==" % secrets.randbelow(sys.maxsize)


# One for each set of headers and encodings that a project's mails have.
@lru_cache(maxsize=64)
def shape_of(names: tuple[str, ...], encodings: tuple[str, ...]) -> Shape | None:
    """Return the shape of mails, or ``None`` where a mail so made is not exactly Django's.

    Args:
        names: The names of the headers in ``extra_headers``.
        encodings: The encodings of the text, and of the HTML if the mail has HTML.
    """
    try:
        return _learned(names, encodings)
    except Exception:  # whatever Django and Python say of such headers, they say when they send
        return None


def _learned(names: tuple[str, ...], encodings: tuple[str, ...]) -> Shape | None:
    texts = [SAMPLES[encoding] for encoding in encodings]
    sample = NotificationMail(
        "x",
        texts[0],
        "from@example.com",
        ["to@example.com"],
        headers=dict.fromkeys(names, SAMPLE_HEADER),
        alternatives=[(html, "text/html") for html in texts[1:]],
    )
    octets = sample.octets()
    found = [encoded for text in texts if (encoded := encoded_text(text)) is not None]
    if tuple(each.encoding for each in found) != encodings:
        return None
    contents = [each.content for each in found]
    head, _, _ = octets.partition(EMPTY_LINE)
    headers = [each for each in BEFORE_HEADER.split(head + b"\r\n") if each]
    own = {name: line for line in headers if (name := _name(line)).lower() not in OF_PARTS}
    boundary = BOUNDARY.search(head)
    shape = Shape(
        head=tuple(_name(line).decode() if _name(line) in own else line for line in headers),
        around=tuple(_around(octets[len(head) + 2 :], contents)),
        boundary=boundary[1] if boundary else b"",
    )
    values = {
        "Subject": sample.subject,
        "From": sample.from_email,
        "To": sample.to[0],
        **sample.extra_headers,
    }
    lines = {name: header_line(name, value) for name, value in values.items()}
    lines["Date"] = own[b"Date"]
    return shape if shape.filled_with_boundary(lines, contents, shape.boundary) == octets else None


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0]


def _around(rest: bytes, contents: Sequence[bytes]) -> Sequence[bytes]:
    """Return the bytes around contents; each stands behind the empty line of the part's header."""
    around = []
    for content in contents:
        before, _, rest = (b"\r\n" + rest).partition(EMPTY_LINE + content)
        around.append((before + EMPTY_LINE)[2:])
    return [*around, rest]
