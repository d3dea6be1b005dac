import pytest


@pytest.fixture(autouse=True)
def no_notification_leaves(notification_outbox):
    """Keep every test from sending anything."""
