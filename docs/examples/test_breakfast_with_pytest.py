"""The same with pytest, which finds the fixture by itself."""

import pytest
from django.core.management import call_command

from django_notification_system import notify
from django_notification_system.testing import assert_notified


@pytest.mark.django_db
def test_breakfast_is_announced(notification_outbox, django_user_model):
    user = django_user_model.objects.create_user("egg", "eggs@example.com")
    call_command("create_email_target_user_records", verbosity=0)
    notify(user, "Breakfast", "It is ready.")

    notification_outbox.deliver()

    assert_notified(user, target="Email", title="Breakfast")
    assert len(notification_outbox) == 1
