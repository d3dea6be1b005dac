"""Keep the message's own words out of stored, printed and logged answers of a provider.

A refusal quotes refused text: a login that the server took for a command, a link in the message
that is on a blocklist, a push token. Such a link may let every reader in.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

from ..printable import without_password
from .base import shortened

HIDDEN = "***"
#: Shorter values stand in ordinary words too.
SHORTEST_SECRET = 4
#: Words of a body are no secret, but a code or a link in the body may be.
WORD = re.compile(r"[^\s'\"<>()\[\]{},;]{4,}+")
SHORTEST_WORD = 6
#: The part after a colon or an equals sign: ``code:123456``.
PART = re.compile(r"[^:=]{6,}+")
#: A short code. Such numbers are frequent in answers, so only a whole number of a body is hidden.
PIN = re.compile(r"(?<!\d)\d{4,5}(?!\d)", re.ASCII)
LOOKS_SECRET = re.compile(r"[\d/=_]")
SHORTEST_LINE = 16
PUSH_TOKEN = re.compile(r"Expo(?:nent)?PushToken\[[^\[\]]*+\]")


def redacted(
    text: str,
    secrets: Iterable[str | None] = (),
    *,
    bodies: Collection[str] = (),
    addresses: Collection[str] = (),
) -> str:
    """Return a provider's words for people: one line, shortened, without secrets.

    Args:
        text: The provider's words.
        secrets: Values that must not appear. Push tokens never do.
        bodies: The texts of the message in question. Their lines, and words that look like a code
            or a link, are hidden.
        addresses: Addresses that may appear although a body has them.
    """
    # Shortened first: the other steps take the longer, the longer the text is.
    text = without_password(shortened(text))
    # A quoted request has them in its own spelling: "%2B" for the plus sign of a number.
    forms = {form for secret in secrets if secret for form in sent_forms(secret)}
    known = {" ".join(form.split()) for form in forms}
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    text = PUSH_TOKEN.sub("the push token", text)
    return _without_bodies(text, bodies, addresses) if bodies else text


def texts_in(value: Any) -> Iterator[str]:
    """Yield the texts in a part of a message, such as ``extra["data"]``, at any depth.

    Args:
        value: A text, a list or a dictionary; other values have no texts.
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)


def sent_forms(text: str) -> Iterator[str]:
    """Yield a text as requests carry it: plain, in JSON, in a form. For ``redacted(bodies=…)``.

    A proxy or a provider may quote the request and not the message.

    Args:
        text: A message's text.
    """
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield quote_plus(text, errors="replace")


def _without_bodies(text: str, bodies: Collection[str], addresses: Collection[str]) -> str:
    for body in bodies:
        for line in body.splitlines():
            line = " ".join(line.split())
            if SHORTEST_LINE <= len(line) <= len(text):
                text = text.replace(line, HIDDEN)

    def without(found: re.Match[str]) -> str:
        word = found[0]
        if word in addresses or ("@" in word and "/" not in word):
            return word
        for part in (word.rstrip(".:!?"), *PART.findall(word)):
            is_long = len(part) >= SHORTEST_WORD
            if is_long and LOOKS_SECRET.search(part) and any(part in body for body in bodies):
                return word.replace(part, HIDDEN)
        return PIN.sub(without_pin, word)

    def without_pin(found: re.Match[str]) -> str:
        whole = re.compile(rf"(?<!\d){found[0]}(?!\d)", re.ASCII)
        return HIDDEN if any(whole.search(body) for body in bodies) else found[0]

    return WORD.sub(without, text)
