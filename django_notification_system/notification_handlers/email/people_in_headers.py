"""Headers that name people: on a staging site no mail has them."""

import re
from email.header import decode_header, make_header

#: The header of a redirected mail with the person's address.
ORIGINAL_RECIPIENT = "X-Original-To"
#: Headers with people's addresses: recipients, authors, readers of receipts and of returned mails.
#: Source: RFC 5322, section 3.6; RFC 8098, section 2.1; RFC 2076, sections 3.3 to 3.5 and 3.9.
NAMES_PEOPLE = re.compile(
    r"(?:.+-)?(?:to|cc|bcc|from|sender|author|recipients?|path|for)", re.IGNORECASE
)
#: Headers with an ``@`` in the name of a message. Source: RFC 5322, section 3.6.4.
NAMES_MESSAGES = frozenset({"message-id", "in-reply-to", "references"})
#: A text with an ``@``: an address, in headers of every other name.
ADDRESS = re.compile(r"[^\s@]@[^\s@]")
#: A header's line, with the lines that continue it.
HEADER = re.compile(rb"(?:\A|(?<=\n))[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*")
#: What a redirected mail keeps: its author and its subject.
KEPT = frozenset({"from", "subject"})
END_OF_HEADERS = b"\r\n\r\n"


def may_name_people(name: str, value: str) -> bool:
    """Return whether a header may have somebody's address.

    Args:
        name: The header's name.
        value: The header's text.
    """
    name = name.strip().lower()
    if name in NAMES_MESSAGES:
        return False
    return NAMES_PEOPLE.fullmatch(name) is not None or ADDRESS.search(value) is not None


def redirected_bytes(content: bytes, address: str, original: str) -> bytes:
    """Return a message's bytes for another address, without headers that may name people.

    The body stays as it is, and with it a signature of S/MIME or PGP. DKIM's does not.

    Args:
        content: The message, with lines that end in CRLF.
        address: The address that gets the message.
        original: The address of the first person whom the message was for; may be empty.
    """
    head, end, body = content.partition(END_OF_HEADERS)
    kept = [line for line in HEADER.findall(head + b"\r\n") if _names_nobody(line)]
    added = [f"To: {address}\r\n".encode()]
    if original:
        added.append(f"{ORIGINAL_RECIPIENT}: {original}\r\n".encode())
    return b"".join([*kept, *added]) + end.removeprefix(b"\r\n") + body


def _names_nobody(line: bytes) -> bool:
    name, _colon, value = line.decode("utf-8", "replace").partition(":")
    if name.strip().lower() in KEPT:
        return True
    value = "".join(value.splitlines())
    try:
        value = str(make_header(decode_header(value)))
    except Exception:  # nobody can tell what stands there
        return False
    return not may_name_people(name, value)
