"""Twilio's handler keeps what every handler must."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django_notification_system.testing.contract import HandlerContract, Provider
from django_notification_system.testing.providers import ProviderStandIn


class TestTwilio(HandlerContract):
    handler = "twilio"
    #: Numbers of Twilio's that are no numbers: 21211, 21614.
    malformed_addresses = ("+15005550001", "+15005550009")
    secrets = ("planted-auth-token",)

    @contextmanager
    def running_provider(self) -> Iterator[Provider]:
        with ProviderStandIn() as stand_in:
            yield Provider(
                port=stand_in.port, received=lambda: [one.body for one in stand_in.received]
            )

    def settings_for(self, host: str, port: int) -> Mapping[str, Any]:
        twilio = {
            "base_url": f"http://{host}:{port}",
            "account_sid": "AC0123456789",
            "auth_token": "planted-auth-token",
            "sender": "+15005550006",
            "timeout": 3,
        }
        return {"NOTIFICATION_SYSTEM_TARGETS": {"twilio_sms": twilio}}

    def address(self, number: int) -> str:
        return f"+1555010{number:04}"
