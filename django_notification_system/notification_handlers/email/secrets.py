"""What a mail backend knows, and nobody is to read in what a server says."""

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.mail import EmailMultiAlternatives

from ..redaction import SHORTEST_SECRET, redacted

NAMES_OF_SECRETS = re.compile(r"password|secret|token|api_?key|credential", re.IGNORECASE)


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


def hide(text: str, secrets: Iterable[str], message: EmailMultiAlternatives) -> str:
    """Return what a server or a backend said of a mail, without secrets and what it quotes of that.

    Args:
        text: What was said.
        secrets: What must not appear.
        message: The mail.
    """
    bodies = [str(message.body), *(str(content) for content, _ in message.alternatives)]
    return redacted(text, secrets, bodies=bodies, addresses=message.recipients())
