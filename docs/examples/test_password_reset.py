from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import call_command
from django.test import TestCase, override_settings

from django_notification_system import notify

ON_COMMIT = {"ENGINE": "django_notification_system.contrib.tasks", "DISPATCH": "on_commit"}


@override_settings(NOTIFICATION_SYSTEM=ON_COMMIT)
class PasswordResetTests(TestCase):
    def test_the_mail_leaves_with_the_request(self):
        user = get_user_model().objects.create_user("egg", "eggs@example.com")
        call_command("create_email_target_user_records", verbosity=0)
        with self.captureOnCommitCallbacks(execute=True):
            notify(user, "Reset your password", "Follow this link.", target="Email")
        self.assertEqual([message.subject for message in mail.outbox], ["Reset your password"])
