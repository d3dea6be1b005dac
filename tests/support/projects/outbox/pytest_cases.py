"""Run by pytest, which finds the fixture by itself."""

import pytest
from django.core.management import call_command
from people import make_due, make_user

from django_notification_system.testing import assert_not_notified, assert_notified


@pytest.mark.parametrize("number", range(4))
@pytest.mark.django_db
def test_each_test_has_its_own(notification_outbox, number):
    user = make_user(f"egg-{number}")
    assert_not_notified(user)
    make_due(user, "Breakfast")
    call_command("process_notifications", verbosity=0)
    assert_notified(user, count=4)
    assert len(notification_outbox) == 4
    assert notification_outbox["pigeon"][0].recipient == f"egg-{number} by Pigeon"


@pytest.mark.django_db
def test_that_fails_on_purpose(notification_outbox):
    assert_notified(make_user("ham"), title="Breakfast")
