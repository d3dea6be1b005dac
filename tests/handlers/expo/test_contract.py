"""Expo's handler keeps what every handler must."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django_notification_system.testing.contract import HandlerContract, Provider
from django_notification_system.testing.providers import ProviderStandIn


class TestExpo(HandlerContract):
    handler = "expo"
    malformed_addresses = ("no token", "ExponentPushToken[DeviceNotRegistered]")
    secrets = ("planted-access-token", "ExponentPushToken[eggs-1]")

    @contextmanager
    def running_provider(self) -> Iterator[Provider]:
        with ProviderStandIn() as stand_in:
            yield Provider(
                port=stand_in.port, received=lambda: [one.body for one in stand_in.received]
            )

    def settings_for(self, host: str, port: int) -> Mapping[str, Any]:
        expo = {
            "base_url": f"http://{host}:{port}",
            "access_token": "planted-access-token",
            "timeout": 3,
        }
        return {"NOTIFICATION_SYSTEM_TARGETS": {"expo": expo}}

    def address(self, number: int) -> str:
        return f"ExponentPushToken[eggs-{number}]"
