"""Addresses that no mail reaches, though mail libraries turn them into other addresses."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise

from django.utils.translation import gettext_noop

#: A name in quotes may have an "@"; a local part in quotes stands before an "@".
QUOTED_NAME = re.compile(r'"(?:[^"\\]|\\.)*+"(?!@)')
BESIDE_MAILBOX = re.compile(r"[\s<>,;:()]")
INVISIBLE_CHARACTER = gettext_noop("has the invisible character %s")
LOCAL_PART_BEYOND_ASCII = gettext_noop(
    "has a character beyond ASCII before the @, which needs SMTPUTF8 (RFC 6531)"
)


def fault_of_addresses(text: str, say: Callable[[str], str] = str) -> str:
    """Return the fault of one or several email addresses, or an empty text.

    A local part beyond ASCII needs a server, a client and a receiver that know RFC 6531; Django's
    mail backends do not ask for RFC 6531. Some releases of Python and Django write such a local
    part as an encoded-word instead: the name of another mailbox (RFC 2047, section 5).

    Args:
        text: The addresses, with or without names.
        say: Translates the fault: ``gettext`` for people. By default the fault is English, for
            storing.
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
    """Yield the local part and the domain of every address."""
    for before, behind in pairwise(QUOTED_NAME.sub(" ", text).split("@")):
        start = before.rfind('"', 0, -1) if before.endswith('"') else -1
        local_part = before[start:] if start >= 0 else BESIDE_MAILBOX.split(before)[-1]
        yield local_part, BESIDE_MAILBOX.split(behind)[0]
