"""Fixtures of the engine's tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from django_notification_system.models import NotificationTarget, TargetUserRecord
from tests.support.handlers import freely


@pytest.fixture
def record(django_user_model: Any, settings: Any) -> Iterator[TargetUserRecord]:
    """Ham's record in a target whose handler does as the test says: ``freely.behave``."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    target = NotificationTarget.objects.create(name="Freely", notification_module_name="freely")
    freely.taken.clear()
    yield TargetUserRecord.objects.create(
        user=django_user_model.objects.create(username="ham"), target=target, target_user_id="here"
    )
    freely.behave = freely.one_after_another
