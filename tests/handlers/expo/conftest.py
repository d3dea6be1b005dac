"""What the tests of the Expo handler share."""

import pytest

from django_notification_system.models import TargetUserRecord


@pytest.fixture
def record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    """Eggs Benedict's record in the target Expo."""
    return records["Expo"]
