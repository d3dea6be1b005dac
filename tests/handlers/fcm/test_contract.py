"""FCM's handler keeps what every handler must."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django_notification_system.testing.contract import HandlerContract, Provider
from django_notification_system.testing.fcm_api import service_account
from django_notification_system.testing.providers import ProviderStandIn


class TestFcm(HandlerContract):
    handler = "fcm"
    malformed_addresses = ("no token", "INVALID-token", "UNREGISTERED-token")
    secrets = ("eggs-1:planted", service_account("")["private_key"][100:200])

    @contextmanager
    def running_provider(self) -> Iterator[Provider]:
        with ProviderStandIn() as stand_in:
            yield Provider(
                port=stand_in.port, received=lambda: [one.body for one in stand_in.received]
            )

    def settings_for(self, host: str, port: int) -> Mapping[str, Any]:
        url = f"http://{host}:{port}"
        fcm = {"base_url": url, "credentials": service_account(url), "timeout": 3}
        return {"NOTIFICATION_SYSTEM_TARGETS": {"fcm": fcm}}

    def address(self, number: int) -> str:
        return f"eggs-{number}:planted"
