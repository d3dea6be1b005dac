"""Shared by the tests of the creators."""

from datetime import UTC, datetime

import pytest

from django_notification_system.notification_creators import email, expo, twilio

MODULES = {"Email": email, "Twilio": twilio, "Expo": expo}
MOMENT = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

every_module = pytest.mark.parametrize(
    ("target_name", "module"), MODULES.items(), ids=[name.lower() for name in MODULES]
)
