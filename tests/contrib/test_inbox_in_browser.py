"""The inbox in Chromium: axe-core on each page, and a reader's way through without JavaScript."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, override_settings

from django_notification_system.contrib.inbox.models import InboxItem
from tests.settings import TEST_DATABASE
from tests.support.accessibility import SIZES, grave_faults, looks_at
from tests.support.inbox_support import put, serve_inbox
from tests.support.runs import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="A page is the same on every database."),
]
LEVELS = ("success", "info", "warning", "error")
SITE = "{% inbox_bell %}{% inbox_list 3 %}"


@pytest.fixture
def reader(settings: Any) -> Iterator[Any]:
    """A reader with a full inbox, on a site with a page of its own."""
    serve_inbox(settings, {"/site/": SITE, "/empty/": "{% inbox_bell %}"})
    reader = get_user_model().objects.create_user("egg")
    for number in range(30):
        put(
            reader,
            f"Order {number} of a very long name " + "x" * 40 * (number == 1),
            body="By noon." if number % 2 else "",
            url="/site/" if number % 3 else "",
            level=LEVELS[number % 4],
            state=number % 3,
            ago=number * 60,
        )
    with override_settings(DEBUG=False):
        yield reader


def context_of(browser: Any, url: str, reader: Any, **options: Any) -> Any:
    client = Client()
    client.force_login(reader)
    context = browser.new_context(**options)
    session = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}
    context.add_cookies([session])
    return context


def judge(page: Any, name: str, place: int = 0) -> Iterator[str]:
    for size, scheme, rules in looks_at(place):
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > SIZES[size]["width"]:
            yield f"{name}, {size}: {width} pixels wide"
        for fault in grave_faults(page, rules):
            yield f"{name}, {scheme}, {size}: {fault}"


def test_axe_finds_nothing_grave_on_any_page(browser: Any, live_server: Any, reader: Any) -> None:
    context = context_of(browser, live_server.url, reader)
    found: list[str] = []
    try:
        page = context.new_page()
        for path, place in (
            ("/inbox/", 0),
            ("/inbox/?show=unread", 1),
            ("/inbox/?show=archived", 2),
            ("/site/", 0),
        ):
            page.goto(live_server.url + path)
            assert page.is_visible(".inbox-bell")
            assert page.is_visible(".inbox-list")
            found += judge(page, path, place)
        InboxItem.objects.all().delete()
        page.goto(f"{live_server.url}/inbox/")
        found += judge(page, "empty")
    finally:
        context.close()
    assert not found, "\n".join(found)


def test_a_reader_without_javascript_reads_marks_and_archives(
    browser: Any, live_server: Any, reader: Any
) -> None:
    context = context_of(browser, live_server.url, reader, java_script_enabled=False)
    newest = InboxItem.objects.get(event__title__startswith="Order 0 ")
    unread = InboxItem.objects.of(reader).unread()
    try:
        page = context.new_page()
        page.goto(f"{live_server.url}/inbox/?show=unread")
        page.follow(".inbox-unread >> text=Mark as read")
        newest.refresh_from_db()
        assert newest.state == InboxItem.State.READ
        assert page.url == f"{live_server.url}/inbox/?show=unread"
        page.goto(f"{live_server.url}/site/")
        page.follow(".inbox-item >> text=Archive")
        newest.refresh_from_db()
        assert newest.state == InboxItem.State.ARCHIVED
        assert page.url == f"{live_server.url}/site/"
        page.follow(".inbox-bell")
        assert unread.exists()
        page.follow("text=Mark all as read")
        assert not unread.exists()
        assert page.url == f"{live_server.url}/inbox/"
        page.follow("text=Archived")
        page.follow(".inbox-item >> text=Move to the inbox")
        newest.refresh_from_db()
        assert newest.is_unread
    finally:
        context.close()


@pytest.mark.parametrize(
    ("button", "then", "is_read"),
    [("left", "/empty/", True), ("middle", "/inbox/", True), ("right", "/inbox/", False)],
)
def test_a_click_that_opens_the_link_marks_the_item_as_read(
    browser: Any, live_server: Any, reader: Any, button: str, then: str, is_read: bool
) -> None:
    """The middle button opens the link in a new tab; the right one opens the browser's menu."""
    item = put(reader, "Click me", url="/empty/")
    context = context_of(browser, live_server.url, reader)
    try:
        page = context.new_page()
        page.goto(f"{live_server.url}/inbox/")
        page.click("text=Click me >> nth=0", button=button)
        page.wait_for_url(live_server.url + then)
        if is_read:
            wait_until(lambda: not shows_unread(page, live_server.url))
        assert shows_unread(page, live_server.url) is not is_read
    finally:
        context.close()
    item.refresh_from_db()
    assert (item.state == InboxItem.State.READ) is is_read


def shows_unread(page: Any, url: str) -> bool:
    """Load the inbox anew, and tell whether the item with the link is unread."""
    page.goto(f"{url}/inbox/")
    unread: list[str] = page.evaluate(
        "[...document.querySelectorAll('.inbox-unread')].map(item => item.textContent)"
    )
    return any("Click me" in text for text in unread)
