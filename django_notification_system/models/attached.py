"""An attachment before it is stored."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .attachment import NotificationAttachment


@dataclass(frozen=True, kw_only=True)
class Attached:
    """An attachment of a notification that is not stored yet.

    Attributes:
        name: The file's name; empty for a part without a name.
        content: The content.
        mimetype: The media type.
        kind: The form of the content in the message.
        headers: The headers of a MIME part, as pairs of name and value.
    """

    name: str
    content: bytes
    mimetype: str
    kind: str = NotificationAttachment.Kind.BYTES
    headers: Any = None

    @cached_property
    def digest(self) -> str:
        """The key of the content's row."""
        return hashlib.sha256(self.content).hexdigest()
