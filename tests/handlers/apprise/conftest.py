"""What the tests of the Apprise handler share."""

from collections.abc import Iterator
from typing import Any

import pytest

from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.models.details import short_address
from django_notification_system.testing.providers import ProviderStandIn
from tests.support.apprise_support import configure, url_of


@pytest.fixture
def service(settings: Any) -> Iterator[ProviderStandIn]:
    """A service on a local port; the settings name it ``ops``, and allow its schema."""
    with ProviderStandIn() as stand_in:
        configure(settings, urls={"ops": url_of(stand_in)})
        yield stand_in


@pytest.fixture
def target(db: None) -> NotificationTarget:
    """The target's row."""
    return NotificationTarget.objects.create(name="Apprise", notification_module_name="apprise")


@pytest.fixture
def ops(user: Any, target: NotificationTarget, service: ProviderStandIn) -> TargetUserRecord:
    """A record that names the URL in the settings."""
    return TargetUserRecord.objects.create(
        user=user, target=target, target_user_id="ops", description="The operators' channel"
    )


@pytest.fixture
def own(user: Any, target: NotificationTarget, service: ProviderStandIn) -> TargetUserRecord:
    """A record with a URL of its own."""
    url = url_of(service)
    return TargetUserRecord.objects.create(
        user=user,
        target=target,
        target_user_id=short_address(url),
        details={"url": url},
        description="Eggs's channel",
    )
