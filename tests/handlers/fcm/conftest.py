"""What the tests of the FCM handler share."""

from collections.abc import Iterator
from typing import Any

import pytest

from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.fcm import access_token
from django_notification_system.testing.providers import ProviderStandIn
from tests.support.fcm_support import TOKEN, key_checked_once


@pytest.fixture(scope="package", autouse=True)
def key() -> Iterator[None]:
    """The stand-in's key, the same in all tests."""
    with key_checked_once():
        yield


@pytest.fixture
def fcm(settings: Any) -> Iterator[ProviderStandIn]:
    """A stand-in for FCM, with the settings pointing to it."""
    # A test before may have had the same port, and its account: that test's token is still fresh.
    access_token._access_tokens.cache_clear()
    with ProviderStandIn() as stand_in:
        settings.NOTIFICATION_SYSTEM_TARGETS = {
            "fcm": {
                "base_url": stand_in.url,
                "credentials": stand_in.service_account(),
                "timeout": 20,
            }
        }
        yield stand_in


@pytest.fixture
def target(db: None) -> NotificationTarget:
    """The target FCM."""
    return NotificationTarget.objects.create(name="FCM", notification_module_name="fcm")


@pytest.fixture
def record(user: Any, target: NotificationTarget) -> TargetUserRecord:
    """Eggs Benedict's telephone."""
    return TargetUserRecord.objects.create(
        user=user, target=target, target_user_id=TOKEN, description="Eggs's telephone"
    )
