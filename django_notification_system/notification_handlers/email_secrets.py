"""Keeping what a server quotes of us out of what is stored and printed.

A refusal quotes what was refused: a login that the server took for a command, the link of a message
that it has on a list. Such a link may let whoever has it in.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.mail import EmailMultiAlternatives

HIDDEN = "***"
NAMES_OF_SECRETS = re.compile(r"password|secret|token|api_?key|credential", re.IGNORECASE)
#: Shorter values stand in ordinary words too.
SHORTEST_SECRET = 4
#: A body's words are no secret, but what looks like a code or a link in it may be.
WORD = re.compile(r"[^\s'\"<>()\[\]{},;]{6,}")
LOOKS_SECRET = re.compile(r"[\d/=_]")
SHORTEST_LINE = 16


def secrets_of(backend: Any) -> list[str]:
    """Return what a mail backend logs in with, also in the forms in which it is sent.

    Args:
        backend: Any backend; its attributes' names tell.
    """
    values = [
        value
        for name, value in getattr(backend, "__dict__", {}).items()
        if isinstance(value, str)
        and len(value) >= SHORTEST_SECRET
        and NAMES_OF_SECRETS.search(name)
    ]
    user = getattr(backend, "username", None) or ""
    return [form for value in values for form in _forms(str(user), value)]


def _forms(user: str, password: str) -> Iterator[str]:
    yield password
    # RFC 4616 (PLAIN), and LOGIN: both are sent in base64.
    for sent in (f"\0{user}\0{password}", password):
        yield base64.b64encode(sent.encode(errors="replace")).decode()


def hide(text: str, secrets: Iterable[str], message: EmailMultiAlternatives | None = None) -> str:
    """Return a text for people without secrets, and without what it quotes of a message's body.

    Args:
        text: What a server or a backend said, on one line.
        secrets: What must not appear.
        message: The mail that it was said of.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text if message is None else _without_body(text, message)


def _without_body(text: str, message: EmailMultiAlternatives) -> str:
    bodies = [str(message.body), *(str(content) for content, _ in message.alternatives)]
    for body in bodies:
        for line in body.splitlines():
            line = " ".join(line.split())
            if len(line) >= SHORTEST_LINE:
                text = text.replace(line, HIDDEN)
    addresses = set(message.recipients())

    def without(found: re.Match[str]) -> str:
        word = found[0]
        if "@" in word or word in addresses or not LOOKS_SECRET.search(word):
            return word
        quoted = word.rstrip(".:!?")
        if any(quoted in body for body in bodies):
            return word.replace(quoted, HIDDEN)
        return word

    return WORD.sub(without, text)
