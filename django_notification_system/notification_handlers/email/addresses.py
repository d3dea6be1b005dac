"""Addresses that no mail can go to, though mail libraries make other addresses of them."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise

from django.utils.translation import gettext_noop

#: A name in quotes may have an "@"; a local part in quotes stands before one.
QUOTED_NAME = re.compile(r'"(?:[^"\\]|\\.)*+"(?!@)')
BESIDE_MAILBOX = re.compile(r"[\s<>,;:()]")
INVISIBLE_CHARACTER = gettext_noop("has the invisible character %s")
LOCAL_PART_BEYOND_ASCII = gettext_noop(
    "has a character beyond ASCII before the @, which needs SMTPUTF8 (RFC 6531)"
)


def fault_of_addresses(text: str, say: Callable[[str], str] = str) -> str:
    """Return what is wrong with one or several email addresses, or an empty text.

    A local part beyond ASCII needs a server, a client and a receiver that know RFC 6531, and
    Django's mail backends ask for no such thing. Some releases of Python and Django write it as an
    encoded-word instead, which is the name of another mailbox (RFC 2047, section 5).

    Args:
        text: The addresses, with or without names.
        say: What puts the words into a language, ``gettext`` for people. By default they stay
            English, for what is stored.
    """
    if text.isascii():
        return ""
    for local_part, domain in _mailboxes(text):
        for character in local_part + domain:
            if unicodedata.category(character) == "Cf":
                return say(INVISIBLE_CHARACTER) % ascii(character)
        if not local_part.isascii():
            return say(LOCAL_PART_BEYOND_ASCII)
    return ""


def _mailboxes(text: str) -> Iterator[tuple[str, str]]:
    """Yield the local part and the domain of each address."""
    for before, behind in pairwise(QUOTED_NAME.sub(" ", text).split("@")):
        start = before.rfind('"', 0, -1) if before.endswith('"') else -1
        local_part = before[start:] if start >= 0 else BESIDE_MAILBOX.split(before)[-1]
        yield local_part, BESIDE_MAILBOX.split(behind)[0]
