"""The words of server-sent events.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

CONTENT_TYPE = "text/event-stream"
#: A line that clients ignore. Proxies close connections on which nothing is sent.
COMMENT = b":\n\n"


@dataclass(frozen=True, kw_only=True)
class StreamEvent:
    """An event of a stream.

    Attributes:
        name: The event's type: ``item`` or ``unread``.
        data: What JSON can say.
        id: The item's key, which a client sends as ``Last-Event-ID`` when it connects again.
    """

    name: str
    data: Mapping[str, Any]
    id: int | None = None

    def encode(self) -> bytes:
        """Return the event as it is sent."""
        # JSON has no line break outside of a text, and inside of one it is written as \n.
        data = json.dumps(self.data, cls=DjangoJSONEncoder, separators=(",", ":"))
        number = "" if self.id is None else f"id: {self.id}\n"
        return f"{number}event: {self.name}\ndata: {data}\n\n".encode()


def reconnect_after(seconds: float) -> bytes:
    """Return the line that says when a client connects again after the connection broke.

    Args:
        seconds: The time until then.
    """
    return f"retry: {round(seconds * 1000)}\n\n".encode()
