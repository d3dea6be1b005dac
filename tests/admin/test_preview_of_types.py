"""Notifications of a type in the admin: shown as they will be sent, and changed by few."""

import json
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from django_notification_system.categories import known_categories
from django_notification_system.models import Notification
from django_notification_system.types import NotificationType, known_types
from tests.support.admin_site import Records, address, form_of, staff_client
from tests.support.preferences_support import serve_preferences
from tests.support.shop.models import Order

pytestmark = pytest.mark.django_db


class Shipped(NotificationType):
    key = "shop.Shipped"
    templates = "shop/order_shipped"
    order: Order
    note: str = ""

    def should_send(self, user: Any) -> bool:
        return not self.order.is_cancelled


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    with known_categories(), known_types(Shipped):
        yield


@pytest.fixture
def editor() -> Client:
    """The browser of somebody who may change notifications."""
    return staff_client("change_notification")


def page(client: Client, notification: Notification, query: str = "") -> str:
    name = "admin:django_notification_system_notification_preview"
    response = client.get(f"{reverse(name, args=[notification.pk])}{query}")
    assert response.status_code == 200
    return unescape(response.content.decode())


def notification(records: Records, target: str) -> Notification:
    order = Order.objects.create(number=17)
    Shipped(order=order, note="<n>").notify(records[target].user)
    return Notification.objects.get(target_user_record=records[target])


def test_an_email_is_shown_with_its_own_text_part(editor: Client, records: Records) -> None:
    row = notification(records, "Email")
    assert "17 for egg, &lt;n&gt;" in page(editor, row)
    assert "en: 17, <n>" in page(editor, row, "?part=text")
    row.refresh_from_db()
    assert (row.body, row.status) == ("", Notification.SCHEDULED)


@pytest.mark.parametrize(
    ("target", "text"),
    [("Expo", "17 is on its way, <n>"), ("Twilio", "Order 17 & shipped")],
)
def test_other_targets_are_shown_likewise(
    target: str, text: str, editor: Client, records: Records
) -> None:
    assert text in page(editor, notification(records, target))


@pytest.mark.parametrize("target", ["Email", "Expo"])
def test_who_may_only_look_sees_no_rendered_text(target: str, records: Records) -> None:
    row = notification(records, target)
    shown = page(staff_client("view_notification"), row)
    assert "The texts of the type “shop.Shipped” are made when this is sent." in shown
    assert "<n>" not in shown
    assert "&lt;n&gt;" not in shown


@pytest.mark.parametrize("target", ["Email", "Expo"])
def test_a_sent_message_is_not_rendered_again(
    target: str, editor: Client, records: Records
) -> None:
    row = notification(records, target)
    Notification.objects.update(status=Notification.CANCELLED)
    shown = page(editor, row)
    assert "are made when a notification is sent, and are not kept." in shown
    assert "<n>" not in shown


def test_the_page_says_why_a_message_cannot_be_sent(editor: Client, records: Records) -> None:
    row = notification(records, "Email")
    Order.objects.update(is_cancelled=True)
    assert "Not sent: the message is not needed any more." in page(editor, row)
    pk = Order.objects.get().pk
    Order.objects.all().delete()
    assert f"Order {pk} does not exist any more." in page(editor, row)
    with known_types():
        assert "this process knows no type 'shop.Shipped'" in page(editor, row)
    row.refresh_from_db()
    assert (row.status, row.response) == (Notification.SCHEDULED, "")


def test_links_on_the_page_unsubscribe_nobody(
    editor: Client, records: Records, settings: Any
) -> None:
    row = notification(records, "Email")
    urls = settings.ROOT_URLCONF
    serve_preferences(settings)
    settings.ROOT_URLCONF = urls
    assert "/u/" not in page(editor, row).replace("/u/shown-only", "")


def test_a_waiting_notification_of_a_type_can_be_changed(editor: Client, records: Records) -> None:
    row = notification(records, "Email")
    url = address(Notification, "change", row.pk)
    data = form_of(editor, url)
    response = editor.post(url, {**data, "title": "Another title"})
    assert response.status_code == 302, response.content.decode()
    row.refresh_from_db()
    assert (row.title, row.body) == ("Another title", "")
    assert row.extra["params"]["note"] == "<n>"


def test_only_superusers_may_name_the_objects_of_a_type(editor: Client, records: Records) -> None:
    row = notification(records, "Email")
    url = address(Notification, "change", row.pk)
    other = Order.objects.create(number=99)
    extra = {"type": "shop.Shipped", "params": {"order": {"model": "shop.order", "pk": other.pk}}}
    data = {**form_of(editor, url), "extra": json.dumps(extra)}
    response = editor.post(url, data)
    assert response.status_code == 200
    assert "Only superusers may set “params” here" in unescape(response.content.decode())
    row.refresh_from_db()
    assert row.extra["params"]["order"]["pk"] != other.pk
