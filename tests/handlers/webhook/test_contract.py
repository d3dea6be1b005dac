"""The webhook handler keeps what every handler must."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django_notification_system.models import Notification
from django_notification_system.models.details import short_address
from django_notification_system.testing.contract import HandlerContract, Provider
from django_notification_system.testing.webhook_receiver import WebhookReceiver
from tests.support.webhook_support import SECRET

PATH = "/planted-path-of-the-receiver"


class TestWebhook(HandlerContract):
    handler = "webhook"
    malformed_addresses = ("no url", "ftp://127.0.0.1/", "https://egg:bacon@example.com/")
    provider_knows_repeats = True
    secrets = (SECRET, SECRET.removeprefix("whsec_"), PATH)

    @contextmanager
    def running_provider(self) -> Iterator[Provider]:
        with WebhookReceiver() as receiver:
            receiver.secrets = [SECRET]
            yield Provider(
                port=receiver.port, received=lambda: [one.body for one in receiver.received]
            )

    def settings_for(self, host: str, port: int) -> Mapping[str, Any]:
        self.place = f"http://{host}:{port}{PATH}"
        return {"NOTIFICATION_SYSTEM_TARGETS": {"webhook": {"allow_private": True, "timeout": 3}}}

    def address(self, number: int) -> str:
        return f"receiver {number}"

    def make_notification(self, number: int, address: str) -> Notification:
        notification = super().make_notification(number, short_address(address))
        is_receiver = address == self.address(number)
        notification.target_user_record.details = _Details(self, "" if is_receiver else address)
        return notification


class _Details(dict[str, Any]):
    """Details whose URL is known once the port is."""

    def __init__(self, contract: TestWebhook, url: str) -> None:
        super().__init__(secrets=[SECRET])
        self._contract = contract
        self._url = url

    def get(self, name: str, default: Any = None) -> Any:
        if name == "url":
            return self._url or self._contract.place
        return super().get(name, default)
