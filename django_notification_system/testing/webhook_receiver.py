"""A local receiver of webhooks, which checks signatures and knows repeated webhooks.

With the receiver's ``details`` in a record, and ``"allow_private": True`` for the target, nothing
leaves the machine::

    with WebhookReceiver() as receiver:
        record.details = receiver.details
        ...
        assert receiver.webhooks[0]["data"] == {"title": "Hello", "body": "Breakfast is ready."}

The library of Standard Webhooks checks the signatures. Needs the extra ``webhook``.
"""

import base64
import secrets
from collections.abc import Sequence
from typing import Any

try:
    from standardwebhooks import Webhook
    from standardwebhooks.webhooks import WebhookVerificationError
except ImportError as error:
    raise ImportError(
        f"The receiver needs the library for webhooks ({error}):"
        " pip install 'django-notification-system[webhook]'"
    ) from error

from ..models.details import short_address
from .exchange import Answer, ReceivedMessage, ReceivedRequest
from .providers import ProviderStandIn

__all__ = ["WebhookReceiver"]


class WebhookReceiver(ProviderStandIn):
    """Takes webhooks on a local port, from any thread.

    Prepared ``answers``, ``on_request``, ``limit_messages()`` and the other attributes are those of
    ``ProviderStandIn``.

    Args:
        arguments: As for ``ProviderStandIn``.

    Attributes:
        secrets: The receiver's secrets; a webhook needs a signature by one of them.
        webhooks: The bodies of the webhooks that were taken, each once however often it came.
        repeated: How many webhooks came again, and were taken and left out.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.secrets = [self.make_secret()]
        self.webhooks: list[dict[str, Any]] = []
        self.repeated = 0
        self._seen: set[str] = set()

    @staticmethod
    def make_secret() -> str:
        """Return a new secret, of 32 bytes."""
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()

    @property
    def webhook_url(self) -> str:
        """The URL for webhooks."""
        return f"{self.url}/webhooks"

    @property
    def details(self) -> dict[str, Any]:
        """The ``details`` of a record."""
        return {"url": self.webhook_url, "secrets": list(self.secrets)}

    @property
    def address(self) -> str:
        """The ``target_user_id`` of a record."""
        return short_address(self.webhook_url)

    def usual_answer(self, request: ReceivedRequest) -> tuple[Answer, list[ReceivedMessage]]:
        """Return a receiver's answer, and the webhook if its signature is right; see the base."""
        if not any(self._is_signed_by(secret, request) for secret in self.secrets):
            return Answer(status=401, json={"error": "The signature is wrong."}), []
        body: dict[str, Any] = request.json()
        message_id = request.headers["webhook-id"]
        with self._lock:
            if message_id in self._seen:
                self.repeated += 1
                return Answer(status=200, json={"repeated": True}), []
        data = body["data"]
        message = ReceivedMessage(
            provider="webhook",
            message_id=message_id,
            to=self.address,
            title=str(data.get("title", body["type"])),
            body=str(data.get("body", "")),
            fields=body,
        )
        return Answer(status=204, text=""), [message]

    def _keep(self, messages: Sequence[ReceivedMessage]) -> None:
        self.webhooks += [dict(message.fields) for message in messages]
        self._seen |= {message.message_id for message in messages}
        super()._keep(messages)

    def _is_signed_by(self, secret: str, request: ReceivedRequest) -> bool:
        try:
            Webhook(secret).verify(request.body, dict(request.headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            return False
        return True
