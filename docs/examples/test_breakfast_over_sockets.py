"""Tests that want to see what travels."""

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import TestCase

from django_notification_system import notify
from django_notification_system.models import Notification, NotificationTarget
from django_notification_system.testing.providers import Answer, ProviderStandIn


class BreakfastTests(TestCase):
    def test_text_message_arrives_in_the_second_run(self):
        user = get_user_model().objects.create_user("egg")
        user.notification_target_user_records.create(
            target=NotificationTarget.objects.get(name="Twilio"),
            target_user_id="+15558675310",
            description="Egg's phone",
        )
        notify(user, "Breakfast", "It is ready.", target="Twilio", retry_time_interval=0)

        with ProviderStandIn() as providers:
            switched_off = {"code": 30003, "message": "Unreachable handset", "status": 400}
            providers.answers.append(Answer(status=400, json=switched_off))  # then as usual
            twilio = {
                "base_url": providers.url,
                "account_sid": "AC0",
                "auth_token": "any",
                "sender": "+15005550006",
            }
            with self.settings(NOTIFICATION_SYSTEM_TARGETS={"twilio_sms": twilio}):
                call_command("process_notifications", verbosity=0)
                self.assertEqual(Notification.objects.get().status, Notification.RETRY)
                call_command("process_notifications", verbosity=0)

        [message] = providers.received
        self.assertEqual((message.to, message.body), ("+15558675310", "It is ready."))
