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

from .attachment_bytes import AttachedFile, AttachmentKind, attached_file
from .header_bytes import header_line
from .mime import NotificationMail
from .queued_mail import bytes_of
from .text_bytes import encoded_text

#: By encoding: a text that Django encodes so.
SAMPLES: Mapping[str, str] = {
    "7bit": "x",
    "8bit": "é",
    "quoted-printable": "x" * 999,
    "base64": "é" * 999,
}
#: A file of some lines.
SAMPLE_FILE = b"x" * 100
SAMPLE_HEADER = "<x@example.com>"
EMPTY_LINE = b"\r\n\r\n"
BEFORE_HEADER = re.compile(rb"(?<=\r\n)(?![ \t])")
#: In the form of Python's email package: a file may have any name, such as "boundary=".
BOUNDARY = re.compile(rb'boundary="(={15}\d{19}==)"')
#: Headers that follow from the parts.
OF_PARTS = frozenset({b"content-type", b"content-transfer-encoding", b"mime-version"})


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The order of a mail's headers, and the bytes around the mail's texts and files.

    Attributes:
        head: The headers: the name of a header of the mail's own, or the bytes of another.
        around: The bytes before the first text, between contents, and behind the last.
        boundaries: The boundaries in these bytes; none in a mail without parts.
    """

    head: tuple[str | bytes, ...]
    around: tuple[bytes, ...]
    boundaries: tuple[bytes, ...]

    def filled(
        self, lines: Mapping[str, bytes], texts: Sequence[bytes], files: Sequence[AttachedFile] = ()
    ) -> bytes:
        """Return a mail, with boundaries that no content has.

        Args:
            lines: By name: the lines of the mail's own headers.
            texts: The contents of the text parts.
            files: The attachments.
        """
        contents = [*texts, *(file.content for file in files)]
        boundaries = [_boundary_of_none(contents) for _ in self.boundaries]
        return self.filled_with_boundaries(lines, texts, files, boundaries)

    def filled_with_boundaries(
        self,
        lines: Mapping[str, bytes],
        texts: Sequence[bytes],
        files: Sequence[AttachedFile],
        boundaries: Sequence[bytes],
    ) -> bytes:
        """Return a mail; see ``filled()``."""

        def own(ready: bytes) -> bytes:
            for learned, boundary in zip(self.boundaries, boundaries, strict=True):
                ready = ready.replace(learned, boundary)
            return ready

        around = [own(ready) for ready in self.around]
        for place, file in enumerate(files, start=len(texts)):
            if file.kind.is_sample:
                around[place] = around[place].replace(file.kind.name.encode(), file.name.encode())
        pieces = [lines[each] if isinstance(each, str) else own(each) for each in self.head]
        pieces.append(around[0])
        contents = (*texts, *(file.content for file in files))
        for content, after in zip(contents, around[1:], strict=True):
            pieces += content, after
        return b"".join(pieces)


def new_boundary() -> bytes:
    """Return a boundary in the form of Python's email package, by chance."""
    return b"===============%019d==" % secrets.randbelow(sys.maxsize)


def _boundary_of_none(contents: Sequence[bytes]) -> bytes:
    """Return a boundary that no content has."""
    boundary = new_boundary()
    while any(boundary in content for content in contents):
        boundary = new_boundary()
    return boundary


# One for each set of headers, encodings and kinds of files that a project's mails have.
@lru_cache(maxsize=64)
def shape_of(
    names: tuple[str, ...], encodings: tuple[str, ...], files: tuple[AttachmentKind, ...] = ()
) -> Shape | None:
    """Return the shape of mails, or ``None`` where a mail so made is not exactly Django's.

    Args:
        names: The names of the headers in ``extra_headers``.
        encodings: The encodings of the text, and of the HTML if the mail has HTML.
        files: The kinds of the attachments.
    """
    try:
        return _learned(names, encodings, files)
    except Exception:  # whatever Django and Python say of such headers, they say when they send
        return None


def _learned(
    names: tuple[str, ...], encodings: tuple[str, ...], kinds: tuple[AttachmentKind, ...]
) -> Shape | None:
    texts = [SAMPLES[encoding] for encoding in encodings]
    sample = NotificationMail(
        "x",
        texts[0],
        "from@example.com",
        ["to@example.com"],
        headers=dict.fromkeys(names, SAMPLE_HEADER),
        alternatives=[(html, "text/html") for html in texts[1:]],
    )
    for kind in kinds:
        is_text = kind.media_type.startswith("text/")
        content = SAMPLES[kind.encoding] if is_text else SAMPLE_FILE
        sample.attach(kind.name, content, kind.media_type)
    octets = bytes_of(sample)
    files = [file for each in sample.attachments if (file := attached_file(each)) is not None]
    found = [encoded for text in texts if (encoded := encoded_text(text)) is not None]
    if tuple(each.encoding for each in found) != encodings:
        return None
    if tuple(file.kind.encoding for file in files) != tuple(kind.encoding for kind in kinds):
        return None
    contents = [each.content for each in found]
    head, _, _ = octets.partition(EMPTY_LINE)
    headers = [each for each in BEFORE_HEADER.split(head + b"\r\n") if each]
    own = {name: line for line in headers if (name := _name(line)).lower() not in OF_PARTS}
    around = _around(octets[len(head) + 2 :], [*contents, *(file.content for file in files)])
    shape = Shape(
        head=tuple(_name(line).decode() if _name(line) in own else line for line in headers),
        around=tuple(around),
        boundaries=tuple(BOUNDARY.findall(b"".join([head, *around]))),
    )
    values = {
        "Subject": sample.subject,
        "From": sample.from_email,
        "To": sample.to[0],
        **sample.extra_headers,
    }
    lines = {name: header_line(name, value) for name, value in values.items()}
    lines["Date"] = own[b"Date"]
    filled = shape.filled_with_boundaries(lines, contents, files, shape.boundaries)
    return shape if filled == octets else None


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0]


def _around(rest: bytes, contents: Sequence[bytes]) -> Sequence[bytes]:
    """Return the bytes around contents; each stands behind the empty line of the part's header."""
    around = []
    for content in contents:
        before, _, rest = (b"\r\n" + rest).partition(EMPTY_LINE + content)
        around.append((before + EMPTY_LINE)[2:])
    return [*around, rest]
