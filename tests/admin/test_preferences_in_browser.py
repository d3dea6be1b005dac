"""The pages of preferences in Chromium without JavaScript: axe-core, and a person's way through."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from django_notification_system.categories import Category, known_categories
from django_notification_system.models import Preference, TargetUserRecord
from django_notification_system.preferences.links import preferences_url, unsubscribe_url
from tests.settings import TEST_DATABASE
from tests.support.accessibility import FINISH_COLOURS, LOOKS, SIZES, grave_faults
from tests.support.preferences_support import BASE_URL, serve_preferences

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="A page is the same on every database."),
]
#: A folder for pictures of the pages, to be looked at.
PICTURES = os.environ.get("PICTURES")


@pytest.fixture(autouse=True)
def urls(settings: Any) -> Iterator[None]:
    serve_preferences(settings)
    with (
        known_categories(
            Category("news", label="Newsletter", description="Once a month.", targets=("email",)),
            Category("orders", label="Your orders", opt_in=("twilio_sms",)),
            Category("club", label="The club", opt_in=True, confirm=True),
            Category("security", label="Security", mandatory=True),
        ),
        override_settings(DEBUG=False),
    ):
        yield


def judge(page: Any, name: str) -> Iterator[str]:
    for size, scheme, rules in LOOKS:
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        page.evaluate(FINISH_COLOURS)
        if PICTURES:
            page.screenshot(path=f"{PICTURES}/{name}-{size}-{scheme}.png", full_page=True)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > SIZES[size]["width"]:
            yield f"{name}, {size}: {width} pixels wide"
        for fault in grave_faults(page, rules):
            yield f"{name}, {scheme}, {size}: {fault}"


def test_a_person_unsubscribes_and_chooses_on_pages_without_grave_faults(
    browser: Any, live_server: Any, records: dict[str, TargetUserRecord]
) -> None:
    record = records["Email"]
    context = browser.new_context()
    page = context.new_page()
    scripts: list[str] = []
    page.on("request", lambda request: scripts.append(request.resource_type))
    found: list[str] = []
    try:
        page.goto(live_server.url + unsubscribe_url(record, "news").removeprefix(BASE_URL))
        found += judge(page, "unsubscribe")
        page.follow("button")
        found += judge(page, "unsubscribed")
        assert Preference.objects.get(category="news").state == "no"

        page.goto(live_server.url + preferences_url(record).removeprefix(BASE_URL))
        found += judge(page, "preferences")
        assert not page.is_checked("[type=checkbox][name='news:email']")
        page.check("[type=checkbox][name='news:email']")
        page.check("[type=checkbox][name='orders:twilio_sms']")
        page.follow("button")
        found += judge(page, "saved")
        assert page.is_checked("[type=checkbox][name='news:email']")
    finally:
        context.close()
    assert "script" not in scripts
    assert not found, "\n".join(found)
    assert set(Preference.objects.values_list("category", "target_key", "state")) == {
        ("news", "email", "yes"),
        ("orders", "twilio_sms", "yes"),
    }
