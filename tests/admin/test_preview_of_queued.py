"""What the admin shows of a queued mail, and of a removed text."""

from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from django_notification_system.mail import QueueBackend
from django_notification_system.models import Notification
from tests.support.admin_site import address, staff_client
from tests.support.mail_shapes import Shouting, calendar, html_only, rich

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    """The browser of somebody who may only look."""
    return staff_client("view_notification")


def show(client: Client, notification: Notification, query: str = "") -> Any:
    name = "admin:django_notification_system_notification_preview"
    response = client.get(f"{reverse(name, args=[notification.pk])}{query}")
    assert response.status_code == 200
    return response


def frame_of(page: str) -> str:
    """Return the document that the frame shows."""
    return unescape(page.partition('srcdoc="')[2].partition('"')[0])


def test_a_queued_mail_is_shown_as_it_will_be_sent(client: Client) -> None:
    message = rich(cc=["c@example.com"], headers={"X-Table": "7"}, reply_to=["r@example.com"])
    message.attach("bill.pdf", b"x" * 2048, "application/pdf")
    QueueBackend().send_messages([message])
    notification = Notification.objects.get()
    page = show(client, notification).content.decode()
    assert "<p>World</p>" in frame_of(page)
    for text in (
        "Shop &lt;shop@example.com&gt;",
        "Ann Lee &lt;ann@example.com&gt;",
        "c@example.com",
        "r@example.com",
        "X-Table",
        "bill.pdf",
    ):
        assert text in page, text


def test_of_a_queued_mail_in_html_alone_no_text_part_is_offered(client: Client) -> None:
    message = html_only()
    QueueBackend().send_messages([message, calendar()])
    alone, with_calendar = Notification.objects.order_by("pk")
    page = show(client, alone).content.decode()
    assert "Nur HTML" in frame_of(page)
    assert "text part" not in page.lower()
    assert "text/calendar; x=y" in show(client, with_calendar).content.decode()


def test_a_queued_mails_message_cannot_be_changed_on_its_page() -> None:
    QueueBackend().send_messages([rich()])
    notification = Notification.objects.get()
    url = address(Notification, "change", notification.pk)
    everybody = Client()
    everybody.force_login(get_user_model().objects.create_superuser("ada"))
    form = everybody.get(url).context["adminform"].form
    assert {"title", "body", "extra", "target_user_record"}.isdisjoint(form.fields)
    assert {"status", "scheduled_delivery", "priority"} <= form.fields.keys()


def test_of_a_queued_mail_of_an_own_class_the_envelope_is_shown(client: Client) -> None:
    QueueBackend().send_messages([Shouting("Signed", "secret", to=["ann@example.com"])])
    page = show(client, Notification.objects.get()).content.decode()
    assert "A class of the project" in page
    assert "ann@example.com" in page


def test_a_queued_mail_without_its_message_is_shown_with_the_reason(client: Client) -> None:
    QueueBackend().send_messages([rich()])
    Notification.objects.update(extra={})
    page = show(client, Notification.objects.get()).content.decode()
    assert "is gone. Send the mail anew." in page


def test_a_removed_text_is_not_shown(client: Client) -> None:
    QueueBackend().send_messages([rich()])
    Notification.objects.update(body="", extra={"django_notification_system.removed": True})
    show(client, Notification.objects.get())


def test_a_queued_mail_is_found_by_its_recipient() -> None:
    QueueBackend().send_messages([rich()])
    response = staff_client("view_notification").get(
        reverse("admin:django_notification_system_notification_changelist"),
        {"q": "ann@example.com"},
    )
    assert "Hello" in response.content.decode()
