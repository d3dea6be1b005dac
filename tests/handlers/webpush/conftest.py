"""What the tests of the Web Push handler share."""

from collections.abc import Iterator
from typing import Any

import pytest

from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.testing.push_service import Browser, PushServiceStandIn
from tests.support.webpush_support import record_of, use_push_service


@pytest.fixture
def push_service(settings: Any) -> Iterator[PushServiceStandIn]:
    """A push service, with the settings pointing to it."""
    with PushServiceStandIn() as stand_in:
        use_push_service(settings, stand_in)
        yield stand_in


@pytest.fixture
def target(db: None) -> NotificationTarget:
    """The target's row."""
    return NotificationTarget.objects.create(name="Web Push", notification_module_name="webpush")


@pytest.fixture
def browser_of_egg(push_service: PushServiceStandIn) -> Browser:
    """Eggs Benedict's browser, which has subscribed."""
    return push_service.subscribe()


@pytest.fixture
def record(user: Any, target: NotificationTarget, browser_of_egg: Browser) -> TargetUserRecord:
    """The record of Eggs Benedict's browser."""
    return record_of(user, target, browser_of_egg)
