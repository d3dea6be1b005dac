"""The headers in ``extra``: their names, and their form in a mail."""

import re
from collections.abc import Callable, Mapping
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.policy import Compat32, EmailPolicy, Policy
from typing import Any

from django.utils.translation import gettext_noop

from .addresses import fault_of_addresses
from .cannot_build_message import CannotBuildMessage

#: Line ends of Python's email package, and other characters without a place in a header.
NOT_IN_A_HEADER = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
#: RFC 5322, section 3.6.8: printable US-ASCII without the colon.
HEADER_NAME = re.compile(r"[!-9;-~]+")
#: Headers that a message has once, from elsewhere.
RESERVED_HEADERS = {
    "bcc": gettext_noop("use extra['bcc']"),
    "subject": gettext_noop("the notification's title is the subject"),
    "content-transfer-encoding": gettext_noop("it follows from the body"),
    "content-type": gettext_noop("it follows from the body"),
    "mime-version": gettext_noop("it follows from the body"),
}
ADDRESSES = (
    "cc disposition-notification-to errors-to from reply-to resent-bcc resent-cc resent-from"
    " resent-sender resent-to return-path return-receipt-to sender to"
)
#: Headers with mailboxes.
ADDRESS_HEADERS = frozenset(ADDRESSES.split())
ASCII_ALONE = (
    "archived-at auto-submitted date importance in-reply-to list-archive list-help list-owner"
    " list-post list-subscribe list-unsubscribe list-unsubscribe-post message-id precedence"
    " priority references resent-date resent-message-id sensitivity"
)
#: Structured headers without phrases, where an encoded-word means itself (RFC 2047, section 5).
ASCII_HEADERS = frozenset(ASCII_ALONE.split())
#: Headers that Django takes for text, with a phrase beside a part in angle brackets (RFC 2919,
#: section 3; RFC 8098, section 2.1).
PHRASE_HEADERS = frozenset(
    {"disposition-notification-to", "errors-to", "list-id", "return-receipt-to"}
)
PHRASE = re.compile(r"([^<>]*)(<[^<>]*>)\s*")
#: RFC 5322, section 2.1.1: no line may be longer.
LONGEST_LINE = 998
WORD = re.compile(r"\s*\S+")
#: Headers with a list of URIs (RFC 2369, section 3; RFC 8058).
URI_HEADERS = (
    "list-archive",
    "list-help",
    "list-owner",
    "list-post",
    "list-subscribe",
    "list-unsubscribe",
)
#: One URI in angle brackets or some, with commas in between; commas are allowed in a URI, too.
URIS = re.compile(r"<[!-;=?-~]+>(?: *, *<[!-;=?-~]+>)*")
BETWEEN_URIS = re.compile(r"(?<=>) *, *(?=<)")
BEYOND_ASCII = gettext_noop(
    "has a character beyond ASCII, which this header cannot carry (RFC 2047, section 5)"
)
LONG_WORD = gettext_noop(
    "has a word that is longer than a line of a mail (RFC 5322, section 2.1.1)"
)


def headers_of(extra: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers in ``extra``.

    Args:
        extra: The notification's ``extra``.

    Raises:
        CannotBuildMessage: When a name or a value is not fit for a header, or the header is
            reserved.
    """
    given = extra.get("headers")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise CannotBuildMessage("extra['headers'] must be an object of names and texts.")
    return {name: _header(name, value) for name, value in given.items()}


def fault_of_header(name: str, value: str, say: Callable[[str], str] = str) -> str:
    """Return why a header cannot carry a text of one line, or an empty text.

    Args:
        name: The header's name.
        value: The text.
        say: As for ``fault_of_addresses()``.
    """
    kind = name.lower()
    if kind in ADDRESS_HEADERS and (fault := fault_of_addresses(value, say)):
        return fault
    if kind in ASCII_HEADERS and not value.isascii():
        return say(BEYOND_ASCII)
    if max(map(len, value.split()), default=0) + len(f"{name}: ") > LONGEST_LINE:
        return say(LONG_WORD)
    return ""


def _header(name: str, value: Any) -> str:
    if not HEADER_NAME.fullmatch(name):
        raise CannotBuildMessage(f"extra['headers'] has {name!r}, which is no header's name.")
    if instead := RESERVED_HEADERS.get(name.lower()):
        raise CannotBuildMessage(f"extra['headers'] must not set {name}: {instead}.")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise CannotBuildMessage(f"extra['headers'][{name!r}] must be a text.")
    text = str(value)
    if NOT_IN_A_HEADER.search(text):
        raise CannotBuildMessage(
            f"extra['headers'][{name!r}] has a line break or another control character."
        )
    if fault := fault_of_header(name, text):
        raise CannotBuildMessage(f'extra["headers"]["{name}"] {fault}. Correct it.')
    return _phrase_encoded(text) if name.lower() in PHRASE_HEADERS else text


def _phrase_encoded(text: str) -> str:
    """Encode the phrase beside an address, and leave the address."""
    found = PHRASE.fullmatch(text)
    if text.isascii() or found is None or not found[2].isascii():
        return text
    encoded = Header(found[1].strip(), "utf-8").encode().replace("\n", "")
    return f"{encoded} {found[2]}"


class _HeaderAsItIs(UnstructuredHeader, BaseHeader):
    """A header of ASCII, kept as written, and folded only at white space.

    Python encodes a word longer than a line. A structured header must not have encoded-words, but
    Python does not know the header to be structured.
    """

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        super().parse(value, kwds)
        if value.isascii():
            kwds["decoded"] = value

    def fold(self, *, policy: Policy) -> str:
        if not self.isascii():
            folded: str = super().fold(policy=policy)
            return folded
        longest = policy.max_line_length or LONGEST_LINE
        # The first word stays beside the name: some readers take a line with only a name for empty.
        first, *words = WORD.findall(str(self).strip()) or [""]
        lines = [f"{self.name}: {first}"]
        for word in words:
            if len(lines[-1]) + len(word) <= longest:
                lines[-1] += word
            else:
                lines.append(word)
        return str(policy.linesep).join([*lines, ""])


def uri_lines(name: str, value: str) -> str | None:
    """Return a header with a URI a line, or ``None`` where the value is no list of URIs.

    A URI must be on one line whole: readers take a folded or encoded URI for another.

    Args:
        name: The header's name.
        value: The header's text.
    """
    if not URIS.fullmatch(value):
        return None
    uris = ",\r\n ".join(BETWEEN_URIS.split(value))
    return f"{name}: {uris}\r\n"


class _HeaderOfURIs(_HeaderAsItIs):
    """A header with a list of URIs: a URI a line, and nothing encoded."""

    def fold(self, *, policy: Policy) -> str:
        lines = uri_lines(self.name, str(self).strip())
        if lines is None:
            return super().fold(policy=policy)
        return lines.replace("\r\n", str(policy.linesep))


_REGISTRY = HeaderRegistry(default_class=_HeaderAsItIs)
for _name in URI_HEADERS:
    _REGISTRY.map_to_type(_name, _HeaderOfURIs)


class _PolicyOfOld(Compat32):
    """The policy of messages before Django 6.0, with headers of URIs as from Django 6.0 on.

    Python's header of old leaves the first line empty before a long URI.
    """

    def fold(self, name: str, value: str) -> str:
        lines = uri_lines(name, str(value)) if name.lower() in URI_HEADERS else None
        return super().fold(name, value) if lines is None else lines.replace("\r\n", self.linesep)

    def fold_binary(self, name: str, value: str) -> bytes:
        lines = uri_lines(name, str(value)) if name.lower() in URI_HEADERS else None
        if lines is None:
            return super().fold_binary(name, value)
        return lines.replace("\r\n", self.linesep).encode()


#: For messages of Django before 6.0.
POLICY_OF_OLD = _PolicyOfOld()


def policy_of_headers(policy: EmailPolicy) -> EmailPolicy:
    """Return a policy that writes the headers of ``extra`` unchanged.

    Args:
        policy: The policy to build on.
    """
    return policy.clone(header_factory=_REGISTRY)
