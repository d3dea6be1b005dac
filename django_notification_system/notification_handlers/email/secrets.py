"""A mail backend's secrets, kept out of a server's words."""

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.mail import EmailMultiAlternatives

from ..redaction import SHORTEST_SECRET, redacted
from .queued_mail import QueuedBytes

NAMES_OF_SECRETS = re.compile(r"password|secret|token|api_?key|credential", re.IGNORECASE)


def secrets_of(backend: Any) -> list[str]:
    """Return a mail backend's login, also in the forms sent to the server.

    Args:
        backend: Any backend; the names of attributes tell the secrets.
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
    """Return a server's or a backend's words on a mail, without secrets and quoted text.

    Args:
        text: The words.
        secrets: Values that must not appear.
        message: The mail.
    """
    bodies = [str(message.body), *(str(content) for content, _ in message.alternatives)]
    if isinstance(message, QueuedBytes):
        bodies += message.texts()
    return redacted(text, secrets, bodies=bodies, addresses=message.recipients())
