"""The targets with an HTTP API, for tests that write each byte of an answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.fcm.access_token import access_tokens
from django_notification_system.notification_handlers.fcm.service_account import (
    read_service_account,
)
from django_notification_system.notification_handlers.fcm.settings import fcm_settings
from django_notification_system.notification_handlers.http.session import open_session
from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.push_service import Browser
from tests.support.provider_support import PATIENCE_SECONDS
from tests.support.webhook_support import SECRET
from tests.support.webpush_support import PRIVATE_KEY, SUBJECT

#: Of a message that was written and not answered.
NOBODY_KNOWS = "went out, or it did not"


@dataclass(frozen=True, kw_only=True)
class Api:
    """A target with an HTTP API.

    Attributes:
        module: The name of the handler's module.
        settings: Returns the target's settings for a server's address.
        record: Returns the fields of a record for a server's address.
        key: The target's key in the settings; by default the module's name.
        body_counts: Whether an answer needs its whole body. A webhook's receiver says all with the
            status.
        said: The words of a response where no whole answer came. A repeated webhook does no harm,
            and Apprise has words of its own.
        tells_length: Whether the response says that an answer was too long.
    """

    module: str
    settings: Callable[[str], dict[str, Any]]
    record: Callable[[str], dict[str, Any]]
    key: str = ""
    body_counts: bool = True
    said: str = NOBODY_KNOWS
    tells_length: bool = True

    def point_to(self, address: str, settings: Any, *, timeout: float) -> None:
        """Point the target to a server.

        Args:
            address: The server's address, such as ``http://127.0.0.1:8080``.
            settings: pytest-django's.
            timeout: The target's ``timeout``, in seconds.
        """
        values = {**self.settings(address), "timeout": timeout}
        settings.NOTIFICATION_SYSTEM_TARGETS = {self.key or self.module: values}

    def make_record(self, address: str, user: Any) -> TargetUserRecord:
        """Return a user's new record.

        Args:
            address: The server's address.
            user: The user.
        """
        target, _ = NotificationTarget.objects.get_or_create(
            notification_module_name=self.module, defaults={"name": self.module}
        )
        return TargetUserRecord.objects.create(
            user=user, target=target, description="A record", **self.record(address)
        )


def _twilio(address: str) -> dict[str, Any]:
    return {
        "base_url": address,
        "account_sid": "AC1",
        "auth_token": "secret",
        "sender": "+15005550006",
    }


def _webpush(address: str) -> dict[str, Any]:
    return {"stand_in_url": address, "vapid_private_key": PRIVATE_KEY, "subject": SUBJECT}


def _browser(address: str) -> dict[str, Any]:
    browser = Browser()
    return {"target_user_id": browser.address, "details": browser.details}


def _receiver(address: str) -> dict[str, Any]:
    details = {"url": f"{address}/webhooks", "secrets": [SECRET]}
    return {"target_user_id": "sha256:" + "a" * 43, "details": details}


def _service(address: str) -> dict[str, Any]:
    details = {"url": f"json://{address.removeprefix('http://')}/"}
    return {"target_user_id": "sha256:" + "b" * 43, "details": details}


def fcm_api(tokens: ProviderStandIn, settings: Any) -> Api:
    """Return FCM, with an access token that is fetched beforehand.

    Args:
        tokens: Gives the access token.
        settings: pytest-django's.
    """
    credentials = tokens.service_account()
    settings.NOTIFICATION_SYSTEM_TARGETS = {"fcm": {"credentials": credentials}}
    with open_session(1) as session:
        account = read_service_account(fcm_settings())
        access_tokens(account).current(session, PATIENCE_SECONDS)
    return Api(
        module="fcm",
        settings=lambda address: {"base_url": address, "credentials": credentials},
        record=lambda address: {"target_user_id": "a-device"},
    )


#: By the name for people; FCM is made by ``fcm_api()``.
APIS = {
    "Twilio": Api(
        module="twilio",
        key="twilio_sms",
        settings=_twilio,
        record=lambda address: {"target_user_id": "+15005550010"},
    ),
    "Expo": Api(
        module="expo",
        settings=lambda address: {"base_url": address},
        record=lambda address: {"target_user_id": "ExponentPushToken[planted]"},
    ),
    "Web Push": Api(module="webpush", settings=_webpush, record=_browser),
    "webhook": Api(
        module="webhook",
        settings=lambda address: {"allow_private": True},
        record=_receiver,
        body_counts=False,
        said="",
    ),
    "Apprise": Api(
        module="apprise",
        settings=lambda address: {"schemas": ["json"]},
        record=_service,
        said="",
        tells_length=False,
    ),
}
