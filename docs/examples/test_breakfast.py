"""Tests of a project that uses the notification system."""

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import TestCase
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.models import Notification, NotificationTarget
from django_notification_system.testing import (
    assert_not_notified,
    assert_notified,
    use_outbox,
)


class BreakfastTests(TestCase):
    def setUp(self):
        self.outbox = self.enterContext(use_outbox())
        self.user = get_user_model().objects.create_user("egg", "eggs@example.com")
        call_command("create_email_target_user_records", verbosity=0)
        self.user.notification_target_user_records.create(
            target=NotificationTarget.objects.get(name="Twilio"),
            target_user_id="+15558675310",
            description="Egg's phone",
        )

    def test_breakfast_is_announced(self):
        notify(self.user, "Breakfast", "It is ready.")

        self.outbox.deliver()  # or: call_command("process_notifications")

        [message] = assert_notified(self.user, target="Email", title="Breakfast", count=1)
        self.assertEqual(message.recipient, "eggs@example.com")
        self.assertEqual(message.email.subject, "Breakfast")
        self.assertEqual(self.outbox["Twilio"][0].body, "It is ready.")

    def test_reminder_goes_out_an_hour_before(self):
        dinner = timezone.now() + timedelta(hours=6)
        notify(self.user, "Dinner", "In an hour.", scheduled_delivery=dinner - timedelta(hours=1))

        self.outbox.deliver()
        assert_not_notified(self.user)

        self.outbox.deliver(at=dinner - timedelta(minutes=59))
        assert_notified(self.user, title="Dinner")

    def test_text_message_is_tried_again(self):
        notify(self.user, "Breakfast", "It is ready.", target="Twilio", retry_time_interval=10)
        self.outbox.retry_next("Twilio", "Too many at a time.")

        self.outbox.deliver()
        self.assertEqual(Notification.objects.get().status, Notification.RETRY)

        self.outbox.deliver(at=timezone.now() + timedelta(minutes=11))
        assert_notified(self.user, target="Twilio")

    def test_number_that_does_not_exist_is_switched_off(self):
        notify(self.user, "Breakfast", "It is ready.", target="Twilio")
        self.outbox.fail_next("Twilio", "No such number.", deactivate_record=True)

        self.outbox.deliver()

        self.assertEqual(Notification.objects.get().status, Notification.INACTIVE_DEVICE)
        assert_not_notified(self.user)
