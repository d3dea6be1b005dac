"""Unsubscribing by mail, and by the provider's own link, through the real django-anymail."""

from collections.abc import Iterator
from typing import Any

import pytest

from django_notification_system.categories import Category, known_categories
from django_notification_system.models import (
    ConsentLog,
    Notification,
    Preference,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.preferences.links import unsubscribe_token
from tests.support.anymail_support import complaint, installed, post, sent, unsubscribed

pytest.importorskip("anymail")
__all__ = ["installed", "sent"]  # the fixtures
pytestmark = [pytest.mark.urls("tests.support.urls_anymail"), pytest.mark.django_db]


@pytest.fixture(autouse=True)
def category() -> Iterator[None]:
    with known_categories(Category("news", label="News")):
        yield


def receive(subject: str) -> int:
    return post("postmark", {"Subject": subject, "From": "anybody@example.org"}, kind="inbound")


@pytest.mark.parametrize("around", ["{}", " {} "])
def test_a_mail_with_the_token_unsubscribes(around: str, email: TargetUserRecord) -> None:
    assert receive(around.format(unsubscribe_token(email.pk, "news"))) == 200

    preference = Preference.objects.get()
    assert (preference.user, preference.category, preference.state) == (email.user, "news", "no")
    assert ConsentLog.objects.get().how == ConsentLog.How.MAILTO


@pytest.mark.parametrize("subject", ["", "unsubscribe", "a.b", "Re: {token}", "{token}x"])
def test_other_mails_change_nothing(subject: str, email: TargetUserRecord) -> None:
    token = unsubscribe_token(email.pk, "news")
    assert receive(subject.format(token=token)) == 200
    assert not Preference.objects.exists()


@pytest.mark.parametrize(
    ("report", "reason"), [(complaint, "complaint"), (unsubscribed, "unsubscribed")]
)
def test_the_providers_own_link_and_a_complaint_suppress_the_address(
    report: Any, reason: str, sent: Notification
) -> None:
    assert post("postmark", report(sent)) == 200
    suppression = Suppression.objects.get()
    assert (suppression.target_key, suppression.category) == ("email", "")
    assert (suppression.address, suppression.reason) == (
        sent.target_user_record.target_user_id,
        reason,
    )
    assert post("postmark", report(sent)) == 200
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize(
    ("report", "reason"), [(complaint, "complaint"), (unsubscribed, "unsubscribed")]
)
def test_somebody_in_copy_who_wants_no_more_is_suppressed_alone(
    report: Any, reason: str, sent: Notification
) -> None:
    person = {"Email": "Ham@example.com", "Recipient": "Ham@example.com"}
    assert post("postmark", {**report(sent), **person}) == 200
    assert [(each.address, each.reason) for each in Suppression.objects.all()] == [
        ("Ham@example.com", reason)
    ]
    sent.refresh_from_db()
    assert (sent.status, sent.provider_status) == (Notification.DELIVERED, "")
    assert sent.target_user_record.active


def test_a_report_of_a_message_of_somebody_else_suppresses_nothing(sent: Notification) -> None:
    strange = {**complaint(sent), "MessageID": "of another project"}
    assert post("postmark", strange) == 200
    assert not Suppression.objects.exists()
