"""Keeping what a provider quotes of us out of what is stored, printed and logged.

A refusal quotes what was refused: a login that the server took for a command, the link of a message
that it has on a list, a push token. Such a link may let whoever has it in.
"""

import re
from collections.abc import Collection, Iterable

from ..printable import without_password
from .base import shortened

HIDDEN = "***"
#: Shorter values stand in ordinary words too.
SHORTEST_SECRET = 4
#: A body's words are no secret, but what looks like a code or a link in it may be.
WORD = re.compile(r"[^\s'\"<>()\[\]{},;]{6,}+")
#: What a colon or an equals sign introduces: ``code:123456``.
PART = re.compile(r"[^:=]{6,}+")
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
    """Return a provider's words for people: on one line, no longer than people read, no secret.

    Args:
        text: What the provider said.
        secrets: What must not appear. Push tokens never do.
        bodies: The texts of the message that the provider speaks of. Their lines, and what looks
            like a code or a link in them, are hidden.
        addresses: What may appear although a body has it.
    """
    # First of all: what follows takes the longer, the longer the text is.
    text = without_password(shortened(text))
    known = {" ".join(secret.split()) for secret in secrets if secret}
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    text = PUSH_TOKEN.sub("the push token", text)
    return _without_bodies(text, bodies, addresses) if bodies else text


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
            if LOOKS_SECRET.search(part) and any(part in body for body in bodies):
                return word.replace(part, HIDDEN)
        return word

    return WORD.sub(without, text)
