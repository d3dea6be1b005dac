"""What the stand-in for HTTP providers receives and answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ReceivedMessage:
    """A message that the stand-in took as the provider would have.

    Attributes:
        provider: ``"twilio"`` or ``"expo"``.
        message_id: The id that it was given.
        to: The phone number or push token.
        title: The title; Twilio has none.
        body: The text.
        fields: All that the message carried, under the provider's own names.
    """

    provider: str
    message_id: str
    to: str
    title: str
    body: str
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        parts = (self.to, self.title, self.body)
        return f"{self.provider.title()}: {' - '.join(part for part in parts if part)}"


@dataclass(frozen=True)
class ReceivedRequest:
    """An HTTP request as it came in.

    Attributes:
        path: The path, with a prefix where ``base_url`` has one.
        headers: The headers; the names are in lower case.
        body: The body; unpacked where it was sent gzipped.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: When it is none.
        """
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """An answer in place of the provider's usual one.

    Attributes:
        status: The HTTP status. By default the request is taken as usual, after ``delay``.
        json: The body, as JSON.
        text: A body that is no JSON; an HTML page, for instance.
        headers: Further headers, such as ``Retry-After``.
        delay: Seconds to wait before the answer.
        close: Close the connection without an answer.
    """

    status: int | None = None
    json: Any = None
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0
    close: bool = False

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return (json.dumps(self.json) if self.text is None else self.text).encode()
