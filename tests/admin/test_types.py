"""The admin's page of types: each example for each target in each language, and who may look."""

from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from django_notification_system.categories import Category, known_categories
from django_notification_system.contrib.inbox.models import InboxItem
from django_notification_system.models import Notification, NotificationTarget
from django_notification_system.on_site import Fallback
from django_notification_system.types import NotificationType, known_types
from tests.support.admin_site import Records, address, staff_client
from tests.support.shop.models import Order

pytestmark = pytest.mark.django_db


class Shipped(NotificationType):
    key = "shop.Shipped"
    templates = "shop/order_shipped"
    order: Order

    @classmethod
    def previews(cls) -> Iterator[tuple[str, "Shipped"]]:
        yield "two & three", cls(order=Order(number=23))
        yield "eggs", cls(order=Order(number=17))


class Writing(Shipped):
    key = "shop.Writing"

    def extra(self, target_key: str) -> dict[str, Any]:
        Order.objects.create(number=99)
        return {}


ORDERS = Category("orders", label="Your orders")


class ByText(Shipped):
    key = "shop.ByText"
    category = ORDERS
    targets = ("twilio_sms", "email")


class InInbox(Shipped):
    key = "shop.InInbox"
    targets = ("inbox", "twilio_sms", Fallback("email", after=timedelta(minutes=10)))

    def extra(self, target_key: str) -> dict[str, Any]:
        return {"level": "warning", "url": "/orders/"} if target_key == "inbox" else {}


class InboxOnlyBroken(Shipped):
    key = "shop.InboxOnlyBroken"
    templates = "inbox_types/broken_item"


class Broken(Shipped):
    key = "shop.Broken"
    templates = "shop/broken"


class WithTitle(Shipped):
    key = "shop.WithTitle"
    templates = "shop/with_title"


class BrokenPreviews(NotificationType):
    key = "shop.BrokenPreviews"
    templates = "shop/order_shipped"

    @classmethod
    def previews(cls) -> Iterator[tuple[str, "BrokenPreviews"]]:
        raise ValueError("no example")


@pytest.fixture(autouse=True)
def types() -> Iterator[None]:
    with known_types(Shipped, Writing, Broken, BrokenPreviews):
        yield


@pytest.fixture
def editor() -> Client:
    return staff_client("change_notification")


def page(client: Client, **query: str) -> str:
    response = client.get(f"{address(Notification, 'types')}?{urlencode(query)}")
    assert response.status_code == 200
    return unescape(response.content.decode())


def shown(client: Client, example: str, target: str, language: str = "en", **query: str) -> str:
    pk = str(NotificationTarget.objects.get(name=target).pk)
    query = {"example": example, "target": pk, "language": language, **query}
    response = client.get(f"{address(Notification, 'types_preview')}?{urlencode(query)}")
    assert response.status_code == 200
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    return unescape(response.content.decode())


def test_the_page_offers_every_example_target_and_language(
    editor: Client, records: Records, settings: Any
) -> None:
    html = page(editor)
    for key in ("shop.Shipped", "shop.Writing", "shop.Broken"):
        assert f'<optgroup label="{key}">' in html
    assert html.count(">two & three</option>") == 3
    for target in NotificationTarget.objects.all():
        assert f'<option value="{target.pk}"' in html
    assert '<option value="inbox"' in html
    assert html.count("<option") == (
        6 + 1 + NotificationTarget.objects.count() + len(settings.LANGUAGES)
    )
    assert "shop.BrokenPreviews: previews() of shop.BrokenPreviews failed: " in html


def test_the_chosen_example_is_in_the_frame(editor: Client, records: Records) -> None:
    html = page(editor, example="shop.Shipped/eggs", language="de")
    assert "types/preview/?example=shop.Shipped%2Feggs&" in html
    assert "&language=de" in html
    assert '<option value="de" selected>' in html


def test_the_page_says_of_which_type_the_example_is(editor: Client, records: Records) -> None:
    assert '">Message: shop.Writing, eggs</h2>' in page(editor, example="shop.Writing/eggs")


def test_a_type_leads_to_its_first_example_on_its_own_target(
    editor: Client, records: Records
) -> None:
    pk = NotificationTarget.objects.get(name="Twilio").pk
    with known_categories(ORDERS), known_types(Shipped, ByText):
        html = page(editor, language="de")
        query = f"?example=shop.ByText%2Ftwo+%26+three&target={pk}&language=de"
        assert f'<a href="{query}">shop.ByText</a></th><td>Your orders</td>' in html
        chosen = page(editor, example="shop.ByText/eggs")
    assert '" aria-current="true">shop.ByText</a>' in chosen
    assert f'<option value="{pk}" selected>' in chosen


def test_texts_are_those_of_target_and_language(editor: Client, records: Records) -> None:
    mail = shown(editor, "shop.Shipped/eggs", "Email", "de")
    assert "Bestellung 17 & unterwegs" in mail
    assert "de: 17 for staff-" in mail
    assert "?example=shop.Shipped/eggs&" in mail  # the link to the text part keeps the choice
    assert "<pre" not in mail
    assert ">de: 17,<" in shown(editor, "shop.Shipped/eggs", "Email", "de", part="text")
    push = shown(editor, "shop.Shipped/two & three", "Expo")
    assert "Order 23 & shipped" in push
    assert "23 is on its way" in push


def test_a_template_shows_the_title_as_in_a_message_on_its_way(
    editor: Client, records: Records
) -> None:
    with known_types(WithTitle):
        assert "About: Order 17." in shown(editor, "shop.WithTitle/eggs", "Email")


def test_an_item_is_shown_as_on_the_site_and_stored_nowhere(
    editor: Client, records: Records
) -> None:
    with known_types(InInbox):
        query = {"example": "shop.InInbox/eggs", "target": "inbox", "language": "de"}
        response = editor.get(f"{address(Notification, 'types_preview')}?{urlencode(query)}")
        html = unescape(unescape(response.content.decode()))
        assert "default-src 'none'" in response["Content-Security-Policy"]
        assert '<a href="/orders/">Bestellung 17 & unterwegs</a>' in html
        assert "Warnung" in html
        assert ".inbox-item {" in html
        assert not InboxItem.objects.exists()
        said = "<td>Inbox, Twilio, Email (after 10\xa0minutes, if not read on the site)</td>"
        assert said in page(editor)


def test_what_fails_in_an_item_is_told(editor: Client, records: Records) -> None:
    with known_types(InboxOnlyBroken):
        query = {"example": "shop.InboxOnlyBroken/eggs", "target": "inbox"}
        response = editor.get(f"{address(Notification, 'types_preview')}?{urlencode(query)}")
        assert "'inbox_types/broken_item/inbox.html'" in unescape(response.content.decode())


@pytest.mark.usefixtures("without_inbox")
def test_without_the_app_there_is_no_inbox_to_choose(editor: Client, records: Records) -> None:
    assert '<option value="inbox"' not in page(editor)
    query = {"example": "shop.Shipped/eggs", "target": "inbox"}
    response = editor.get(f"{address(Notification, 'types_preview')}?{urlencode(query)}")
    assert response.status_code == 404


def test_what_a_type_writes_is_rolled_back(editor: Client, records: Records) -> None:
    assert "Order 23 & shipped" in shown(editor, "shop.Writing/two & three", "Email")
    assert not Order.objects.exists()
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ("shop.Broken/eggs", "the template 'shop/broken/"),
        ("shop.Shiped/eggs", "Did you mean 'shop.Shipped'?"),
        ("shop.Shipped/egs", "Did you mean 'eggs'?"),
        ("", "There is no type ''"),
    ],
)
def test_what_cannot_be_shown_is_told_on_the_page(
    editor: Client, records: Records, example: str, said: str
) -> None:
    assert said in shown(editor, example, "Email")


def test_who_may_only_view_sees_no_page_and_no_link(editor: Client, records: Records) -> None:
    viewer = staff_client("view_notification")
    for name in ("types", "types_preview"):
        assert viewer.get(address(Notification, name)).status_code == 403
        assert Client().get(address(Notification, name)).status_code == 302
    link = f'href="{address(Notification, "types")}"'
    assert link in editor.get(address(Notification)).content.decode()
    assert link not in viewer.get(address(Notification)).content.decode()


def test_a_project_without_types_has_no_link(editor: Client, records: Records) -> None:
    with known_types():
        assert reverse("admin:django_notification_system_notification_types") not in (
            editor.get(address(Notification)).content.decode()
        )
        assert "This project registers no types." in page(editor)


def test_an_unknown_target_is_not_found(editor: Client, records: Records) -> None:
    response = editor.get(f"{address(Notification, 'types_preview')}?target=nonsense")
    assert response.status_code == 404
