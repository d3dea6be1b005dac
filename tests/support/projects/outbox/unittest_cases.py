"""Run by Django's test runner."""

from django.core.management import call_command
from django.test import TestCase, TransactionTestCase
from people import make_due, make_user

from django_notification_system.testing import assert_notified, use_outbox

TARGETS = {"Email", "Twilio", "Expo", "Pigeon"}


class OnEntry(TestCase):
    def setUp(self):
        self.outbox = self.enterContext(use_outbox())
        self.user = make_user("egg")
        make_due(self.user, "Breakfast")

    def test_all_lands_within_the_transaction(self):
        call_command("process_notifications", verbosity=0)
        self.assertEqual({message.target for message in self.outbox}, TARGETS)
        assert_notified(self.user, title="Breakfast", count=4)

    def test_nothing_is_left_of_another_test(self):
        self.assertEqual(len(self.outbox), 0)


@use_outbox(attr_name="outbox")
class TwoDatabases(TestCase):
    databases = ("default", "second")

    def test_each_database_delivers_its_own(self):
        for using in self.databases:
            make_due(make_user(using, using), f"In {using}", using)
        self.outbox.deliver(using="second")
        self.assertEqual({message.title for message in self.outbox}, {"In second"})
        self.outbox.deliver()
        self.assertEqual(len(self.outbox), 8)


@use_outbox(attr_name="outbox")
class WithoutTransaction(TransactionTestCase):
    serialized_rollback = True  # the targets are rows, which such a test deletes

    def test_all_lands_from_threads(self):
        make_due(make_user("egg"), "Breakfast")
        self.outbox.deliver()
        self.assertEqual({message.target for message in self.outbox}, TARGETS)

    @use_outbox(kwarg_name="inner")
    def test_functions_may_have_their_own(self, inner):
        make_due(make_user("egg"), "Breakfast")
        call_command("process_notifications", verbosity=0)
        self.assertEqual((len(inner), len(self.outbox)), (4, 0))


class Failing(TestCase):
    @use_outbox()
    def test_that_fails_on_purpose(self):
        assert_notified(make_user("egg"), title="Breakfast")
