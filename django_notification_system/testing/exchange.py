"""Requests, messages and answers of the stand-in for HTTP providers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ReceivedMessage:
    """A message accepted by the stand-in, as the provider would accept the message.

    Attributes:
        provider: ``"twilio"``, ``"expo"``, ``"webpush"``, ``"fcm"`` or ``"apprise"``.
        message_id: The id given to the message.
        to: The phone number, push token, push service, registration token or service's name.
        title: The title; Twilio has none.
        body: The text.
        fields: All fields of the message, under the provider's own names.
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
    """An HTTP request to the stand-in.

    Attributes:
        path: The path, including a prefix of ``base_url``.
        headers: The headers; the names are in lower case.
        body: The body; unpacked after gzip.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: When the body is no JSON.
        """
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """An answer in place of the provider's usual answer.

    Attributes:
        status: The HTTP status. By default the request is taken as usual, after ``delay``.
        json: The body, as JSON.
        text: A body other than JSON; an HTML page, for instance.
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
        """The body of the answer, in bytes."""
        return (json.dumps(self.json) if self.text is None else self.text).encode()
