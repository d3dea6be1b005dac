"""The admin in a real browser, and what a hostile message can do there: nothing."""

import socket
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system.models import Notification
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.admin_site import Records, address
from tests.support.browsers import Site

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="A page is the same on every database."),
]

LIST = address(Notification)
DASHBOARD = f"{LIST}dashboard/"
CONNECTED = b"no more than a connection"
HOSTILE = """
<html><head><meta http-equiv="refresh" content="0;url=SERVER/refresh">
<link rel="preconnect" href="SERVER"><link rel="stylesheet" href="SERVER/css">
<link rel="prefetch" href="SERVER/prefetch"><link rel=icon href="SERVER/icon">
<style>@import url("SERVER/import"); body { background: url(SERVER/background) }
@font-face { font-family: x; src: url(SERVER/font) } p { font-family: x }</style></head>
<body onload="top.hacked=1; parent.hacked=1; fetch('SERVER/onload')"><p id=hello>Hello</p>
<form action="SERVER/form"><button id=submit>Submit</button></form>
<a id=self target=_self href="SERVER/self">self</a> <a id=top target=_top href="SERVER/top">top</a>
<a id=blank target=_blank ping="SERVER/ping" href="SERVER/blank">blank</a>
<a id=script href="javascript:top.hacked=1">script</a>
<script>top.hacked = 1; fetch("SERVER/script")</script>
<img src="SERVER/image" onerror="fetch('SERVER/onerror')">
<img srcset="SERVER/srcset 1x"><video poster="SERVER/poster" src="SERVER/video" autoplay></video>
<audio src="SERVER/audio" autoplay></audio>
<iframe src="SERVER/frame"></iframe>
<iframe srcdoc="<script>top.hacked=1</script><img src=SERVER/nested>"></iframe>
<iframe src="javascript:top.hacked=1"></iframe><object data="SERVER/object"></object>
<embed src="SERVER/embed">
<svg onload="top.hacked=1"><image href="SERVER/svg"/><use href="SERVER/use#a"/>
<script>top.hacked=1</script>
<foreignObject><link rel=preconnect href="SERVER"></foreignObject></svg>
</body></html>
"""


class Listener:
    """A server that must not be asked for anything."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            connection.settimeout(0.3)
            try:
                self.heard.append(connection.recv(1000) or CONNECTED)
            except OSError:
                self.heard.append(CONNECTED)
            connection.close()


def test_each_page_shows_its_title_once(
    browser: Any, live_server: Any, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"], title="Your order")
    site = Site(browser, live_server.url)
    change = address(Notification, "change", notification.pk)
    for url, title in ((change, "“Your order” to Eggs Benedict, Email"), (DASHBOARD, "Dashboard")):
        headings = site.open(url).locator("#content h1:visible").all_inner_texts()
        assert headings == [title]
    site.context.close()


def test_somebody_finds_a_failed_notification_and_sends_it_again(
    browser: Any, live_server: Any, records: Records, make_due: MakeDue
) -> None:
    now = timezone.now()
    failure = {
        "status": "DELIVERY FAILURE",
        "response": "550 No mailbox",
        "attempted_delivery": now,
    }
    notification = make_due(records["Email"], title="Your order 7", **failure)
    make_due(records["Email"], title="Your order 8")
    site = Site(browser, live_server.url)
    page = site.open(LIST)
    page.follow("text=550 No mailbox")
    assert page.locator("#result_list tbody tr").count() == 1
    page.follow("#result_list tbody th a")
    assert "550 No mailbox" in page.inner_text("#content")
    page.follow("text=Send failed ones again")
    assert "1 notification will be changed" in page.inner_text("#content")
    assert page.get_by_role("button", name="Send 1 notification again").count() == 1
    page.follow("#content form button[type=submit]")
    assert "1 notification was changed" in page.inner_text(".messagelist")
    assert Notification.objects.get(pk=notification.pk).status == Notification.SCHEDULED
    assert site.errors == []
    site.context.close()


def test_the_list_is_filtered_and_many_are_rescheduled(
    browser: Any, live_server: Any, records: Records, make_due: MakeDue
) -> None:
    for number in range(3):
        make_due(records["Expo"], title=f"Order {number}")
    make_due(records["Email"], title="Another")
    site = Site(browser, live_server.url)
    page = site.open(LIST)
    page.follow("#changelist-filter >> text=Expo")
    page.check("#action-toggle")
    page.select_option("select[name=action]", "reschedule")
    page.follow("button[name=index]")
    page.fill("#id_moment_0", "2031-01-02")
    page.fill("#id_moment_1", "03:04:05")
    page.follow("#content form button[type=submit]")
    assert "3 notifications were changed" in page.inner_text(".messagelist")
    assert Notification.objects.filter(scheduled_delivery__year=2031).count() == 3
    site.context.close()


def test_nothing_of_the_list_is_cut_off_on_a_desk_and_the_status_is_in_sight_on_a_phone(
    browser: Any, live_server: Any, records: Records, make_due: MakeDue
) -> None:
    moment = timezone.now() - timedelta(days=40)
    failed = {"status": "DELIVERY FAILURE", "attempted_delivery": moment}
    make_due(records["Email"], title="A " + "long " * 19, scheduled_delivery=moment, **failed)
    site = Site(browser, live_server.url, viewport={"width": 1280, "height": 800})
    page = site.open(LIST)
    results = page.locator("#changelist-form .results")
    assert results.evaluate("each => each.scrollWidth <= each.clientWidth")
    widths = page.locator("#result_list tbody tr > *").evaluate_all(
        "cells => cells.map(each => each.clientWidth)"
    )
    assert max(widths) == page.locator("th.field-title").evaluate("each => each.clientWidth")
    page.set_viewport_size({"width": 390, "height": 800})
    badge = page.locator(".notification-status").bounding_box()
    assert badge["x"] + badge["width"] <= 390
    site.context.close()


def test_a_notification_is_cancelled_by_the_keyboard_alone(
    browser: Any, live_server: Any, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"], scheduled_delivery=timezone.now() + timedelta(days=1))
    site = Site(browser, live_server.url)
    page = site.open(address(Notification, "change", notification.pk))
    for name in ("Cancel…", "Cancel 1 notification"):
        button = page.get_by_role("button", name=name, exact=True)
        for _ in range(60):
            page.keyboard.press("Tab")
            if button.evaluate("each => each === document.activeElement"):
                break
        assert button.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        button.wait_for(state="detached")
    assert Notification.objects.get(pk=notification.pk).status == Notification.CANCELLED
    site.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dashboard_is_readable_on_a_phone(
    browser: Any, live_server: Any, records: Records, make_due: MakeDue, scheme: str
) -> None:
    now = timezone.now()
    for status in dict(Notification.STATUS_CHOICES):
        moment = now - timedelta(hours=2)
        make_due(records["Email"], title=status, status=status, scheduled_delivery=moment)
    size = {"width": 390, "height": 800}
    site = Site(browser, live_server.url, color_scheme=scheme, viewport=size)
    page = site.open(DASHBOARD)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.get_by_role("img", name="Email").count() == 1
    page.click("summary >> nth=0")
    assert page.locator("details[open] tbody tr").count() == 24
    page.keyboard.press("Enter")  # closes it again: it is reached by the keyboard too
    assert page.locator("details[open]").count() == 0
    page = site.open(LIST)
    badges = page.locator(".notification-status")
    assert badges.count() == 8
    for index in range(8):
        assert contrast(badges.nth(index)) >= 4.5, badges.nth(index).inner_text()
    assert site.errors == []
    site.context.close()


#: The colours of an element's text and ground as they are seen, on all the grounds below.
PIXELS = """element => {
    const canvas = document.createElement("canvas").getContext("2d");
    const seen = colours => {
        canvas.clearRect(0, 0, 1, 1);
        for (const colour of colours) {
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
        }
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const grounds = [];
    for (let each = element; each; each = each.parentElement)
        grounds.unshift(getComputedStyle(each).backgroundColor);
    return [seen([...grounds, getComputedStyle(element).color]), seen(grounds)];
}"""


def contrast(element: Any) -> float:
    """Return the contrast of an element's text and ground (WCAG 2.2, 1.4.3)."""

    def luminance(pixel: list[int]) -> float:
        parts = [part / 255 for part in pixel[:3]]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return sum(x * share for x, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

    dark, bright = sorted(luminance(pixel) for pixel in element.evaluate(PIXELS))
    return (bright + 0.05) / (dark + 0.05)


def test_a_hostile_mail_does_nothing(
    browser: Any, live_server: Any, records: Records, make_due: MakeDue
) -> None:
    listener = Listener()
    body = HOSTILE.replace("SERVER", f"http://127.0.0.1:{listener.port}")
    notification = make_due(records["Email"], body=body)
    site = Site(browser, live_server.url)
    page = site.open(address(Notification, "change", notification.pk))
    page.locator("iframe.notification-preview").scroll_into_view_if_needed()
    mail = page.frame_locator("iframe.notification-preview").frame_locator("iframe")
    assert mail.locator("#hello").inner_text() == "Hello"
    page.wait_for_timeout(500)
    assert listener.heard == []
    # The last one leads the frame away, to an empty page.
    for element in ("#submit", "#top", "#blank", "#script", "#self"):
        mail.locator(element).click()
        page.wait_for_timeout(200)
    # At the press of a button Chromium connects, before it asks whether it may go there.
    assert [request for request in listener.heard if request != CONNECTED] == []
    assert page.evaluate("window.hacked") is None
    assert page.url.endswith("/change/")
    assert len(site.context.pages) == 1
    site.context.close()
    listener.socket.close()
