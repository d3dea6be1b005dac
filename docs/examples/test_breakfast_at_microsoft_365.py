from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import TransactionTestCase, override_settings

from django_notification_system import notify
from django_notification_system.models import Notification
from django_notification_system.testing.mail_servers import microsoft_365


class BreakfastTests(TransactionTestCase):
    serialized_rollback = True

    def test_everybody_hears_of_breakfast_though_the_server_takes_three_at_once(self):
        users = [
            get_user_model().objects.create_user(f"guest{number}", f"guest{number}@example.com")
            for number in range(12)
        ]
        call_command("create_email_target_user_records", verbosity=0)
        notify(users, "Breakfast is ready", "Come while it is hot.", target="Email")
        with (
            microsoft_365() as server,
            override_settings(
                EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
                EMAIL_HOST=server.host,
                EMAIL_PORT=server.port,
            ),
        ):
            call_command("process_notifications", verbosity=0)
        self.assertEqual(len(server.received), 12)
        self.assertFalse(Notification.objects.exclude(status="DELIVERED").exists())
