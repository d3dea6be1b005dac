"""The Apprise handler keeps what every handler must."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django_notification_system.testing.contract import HandlerContract, Provider
from django_notification_system.testing.exchange import Answer
from django_notification_system.testing.providers import ProviderStandIn

PASSWORD = "planted-password"
PATH = "planted-path-of-the-service"


class TestApprise(HandlerContract):
    handler = "apprise"
    malformed_addresses = ("no such name", "json://127.0.0.1/", "slack://a/b/c")
    secrets = (PASSWORD, PATH)

    @contextmanager
    def running_provider(self) -> Iterator[Provider]:
        with ProviderStandIn() as stand_in:
            stand_in.on_request = lambda request: Answer(status=200, json={})
            yield Provider(
                port=stand_in.port,
                received=lambda: [one.body.decode() for one in stand_in.requests],
            )

    def settings_for(self, host: str, port: int) -> Mapping[str, Any]:
        urls = {
            self.address(number): f"json://egg:{PASSWORD}@{host}:{port}/{PATH}/{number}"
            for number in range(1, 60)
        }
        values = {"urls": urls, "schemas": ["json"], "timeout": 3}
        return {"NOTIFICATION_SYSTEM_TARGETS": {"apprise": values}}

    def address(self, number: int) -> str:
        return f"ops {number}"
