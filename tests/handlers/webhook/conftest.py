"""What the tests of the webhook handler share."""

from collections.abc import Iterator
from typing import Any

import pytest

from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.testing.webhook_receiver import WebhookReceiver
from tests.support.webhook_support import configure, record_of


@pytest.fixture
def receiver(settings: Any) -> Iterator[WebhookReceiver]:
    """A receiver, with settings that allow its port."""
    with WebhookReceiver() as stand_in:
        configure(settings)
        yield stand_in


@pytest.fixture
def target(db: None) -> NotificationTarget:
    """The target's row."""
    return NotificationTarget.objects.create(name="Webhook", notification_module_name="webhook")


@pytest.fixture
def record(user: Any, target: NotificationTarget, receiver: WebhookReceiver) -> TargetUserRecord:
    """Eggs Benedict's record of the receiver."""
    return record_of(user, target, receiver)
