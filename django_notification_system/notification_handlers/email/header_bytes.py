"""The lines of a mail's header, as Django writes them, one by one."""

import email.policy
import re
from email.headerregistry import HeaderRegistry
from functools import lru_cache
from typing import Any

from django.conf import settings

from .headers import POLICY_OF_OLD, URI_HEADERS, policy_of_headers, uri_lines
from .mime import HAS_POLICIES

#: A value that stands unchanged on one line: ASCII, with single spaces, and no encoded-word.
PLAIN = re.compile(r"(?:[!-<>-~]|=(?!\?))+(?: (?:[!-<>-~]|=(?!\?))+)*")
#: RFC 5322, section 2.1.1: a line should have no more characters than 78; Python's header of old
#: folds from 76 on.
ONE_LINE = 75
PLAIN_MESSAGE_ID = re.compile(r"<[A-Za-z0-9-]+@[A-Za-z0-9.-]+>")
#: Headers that Python reads and writes anew: a value must be plain in the header's own grammar.
STRUCTURED = frozenset(HeaderRegistry().registry) - {"subject", "to"}


def header_line(name: str, value: str) -> bytes:
    """Return a header's line or lines, with their ends.

    Args:
        name: The header's name.
        value: The header's text, as given to Django; an address of ``To`` stands alone.

    Raises:
        Exception: Python's own error about a value that no header can have.
    """
    kind = name.lower()
    if kind in URI_HEADERS and (lines := uri_lines(name, value)):
        return lines.encode()
    plain = _plain_values(kind)
    if plain is not None and len(name) + len(value) + 2 <= ONE_LINE and plain.fullmatch(value):
        return f"{name}: {value}\r\n".encode()
    return _djangos_line(name, value)


def _plain_values(kind: str) -> re.Pattern[str] | None:
    if kind == "message-id":
        return PLAIN_MESSAGE_ID
    return None if kind in STRUCTURED else PLAIN


# Some, because some headers are the same in many mails: the sender, a list's name.
@lru_cache(maxsize=64)
def _djangos_line(name: str, value: str) -> bytes:
    if HAS_POLICIES:
        smtp: Any = email.policy.SMTP
        policy = policy_of_headers(smtp)
        return policy.fold_binary(*policy.header_store_parse(name, value))
    # Of Django before 6.0: deprecated since.
    from django.core.mail.message import forbid_multi_line_headers

    safe = forbid_multi_line_headers(name, value, settings.DEFAULT_CHARSET)
    return POLICY_OF_OLD.clone(linesep="\r\n").fold_binary(*safe)
