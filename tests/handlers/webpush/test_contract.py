"""The Web Push handler keeps what every handler must."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django_notification_system.models import Notification
from django_notification_system.testing.contract import HandlerContract, Provider
from django_notification_system.testing.push_service import Browser, PushServiceStandIn
from tests.support.webpush_support import PRIVATE_KEY, SUBJECT

BROWSERS = [Browser() for _ in range(8)]
GONE = Browser(410)


def secrets_of(browser: Browser) -> list[str]:
    subscription = browser.subscription
    return [
        browser.endpoint,
        browser.endpoint.rpartition("/")[2],
        subscription["keys"]["p256dh"],
        subscription["keys"]["auth"],
    ]


class TestWebPush(HandlerContract):
    handler = "webpush"
    malformed_addresses = ("no subscription", GONE.address)
    secrets = (PRIVATE_KEY, *secrets_of(BROWSERS[0]), *secrets_of(GONE))

    @contextmanager
    def running_provider(self) -> Iterator[Provider]:
        with PushServiceStandIn([*BROWSERS, GONE]) as stand_in:
            yield Provider(
                port=stand_in.port, received=lambda: [one.body for one in stand_in.received]
            )

    def settings_for(self, host: str, port: int) -> Mapping[str, Any]:
        webpush = {
            "stand_in_url": f"http://{host}:{port}",
            "vapid_private_key": PRIVATE_KEY,
            "subject": SUBJECT,
            "timeout": 3,
        }
        return {"NOTIFICATION_SYSTEM_TARGETS": {"webpush": webpush}}

    def address(self, number: int) -> str:
        return BROWSERS[number - 1].address

    def make_notification(self, number: int, address: str) -> Notification:
        notification = super().make_notification(number, address)
        details = {each.address: each.details for each in [*BROWSERS, GONE]}
        notification.target_user_record.details = details.get(address)
        return notification
