"""A test that reads a push message as the browser reads it."""

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import TestCase

from django_notification_system import notify
from django_notification_system.notification_handlers.webpush.vapid import make_private_key
from django_notification_system.operations.add_target import add_target
from django_notification_system.subscriptions import subscribe
from django_notification_system.testing.push_service import PushServiceStandIn


class WebPushTests(TestCase):
    def test_the_browser_gets_the_page_behind_the_click(self):
        user = get_user_model().objects.create_user("egg")
        target, _ = add_target("webpush")

        with PushServiceStandIn() as push_service:
            browser = push_service.subscribe()
            subscribe(user, target, browser.endpoint, browser.details)
            notify(user, "Breakfast", "It is ready.", target=target, extra={"url": "/breakfast/"})
            webpush = {
                "stand_in_url": push_service.url,
                "vapid_private_key": make_private_key(),
                "subject": "mailto:admin@example.com",
            }
            with self.settings(NOTIFICATION_SYSTEM_TARGETS={"webpush": webpush}):
                call_command("process_notifications", verbosity=0)

        [message] = browser.messages
        self.assertEqual((message["title"], message["url"]), ("Breakfast", "/breakfast/"))
