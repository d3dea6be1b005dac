"""Tests of a project that uses the notification system."""

from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import call_command
from django.test import TestCase

from django_notification_system import notify
from django_notification_system.models import Notification, NotificationTarget
from django_notification_system.testing.providers import Answer, ProviderStandIn


class BreakfastTests(TestCase):
    def setUp(self):
        self.user = get_user_model().objects.create_user("egg", "eggs@example.com")
        call_command("create_email_target_user_records", verbosity=0)

    def add_record(self, target_name, address):
        self.user.notification_target_user_records.create(
            target=NotificationTarget.objects.get(name=target_name),
            target_user_id=address,
            description=target_name,
        )

    def test_email_goes_out(self):
        notify(self.user, "Breakfast", "It is ready.", target="Email")

        call_command("process_notifications", verbosity=0)

        self.assertEqual(mail.outbox[0].subject, "Breakfast")
        self.assertEqual(mail.outbox[0].to, ["eggs@example.com"])

    def test_text_message_is_tried_again(self):
        self.add_record("Twilio", "+15558675310")
        notify(self.user, "Breakfast", "It is ready.", target="Twilio")

        with ProviderStandIn() as providers:
            providers.answers.append(Answer(status=503))  # the first request; then as usual
            twilio = {
                "base_url": providers.url,
                "account_sid": "AC0",
                "auth_token": "any",
                "sender": "+15005550006",
            }
            with self.settings(NOTIFICATION_SYSTEM_TARGETS={"twilio_sms": twilio}):
                call_command("process_notifications", verbosity=0)

        self.assertEqual(providers.received, [])
        self.assertEqual(Notification.objects.get().status, Notification.RETRY)
