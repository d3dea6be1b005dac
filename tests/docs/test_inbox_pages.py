"""The steps on the page about the inbox's pages, together, and the examples for other packages."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import timezone

from django_notification_system.contrib.inbox.models import InboxItem
from django_notification_system.contrib.inbox.signals import inbox_added
from tests.support.documentation import DOCS, EXAMPLES, run_example
from tests.support.inbox_support import put


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    urls = ModuleType("shown_urls")
    vars(urls).update(run_example("inbox_urls.py"))
    settings.ROOT_URLCONF = urls
    [templates] = settings.TEMPLATES
    settings.TEMPLATES = [{**templates, "DIRS": [EXAMPLES / "templates", *templates["DIRS"]]}]


def test_the_page_of_the_inbox_looks_like_the_site(user: Any) -> None:
    put(user, "Breakfast is ready")
    browser = Client()
    browser.force_login(user)
    html = browser.get("/inbox/").text
    assert "<header>Breakfast Club" in html
    assert "<title>Notifications</title>" in html
    assert "Breakfast is ready" in html
    assert html.count('class="inbox-bell"') == 1
    assert "inbox.css" in html


def test_snippets_of_the_page_show_the_number_and_the_list(settings: Any, user: Any) -> None:
    [templates] = settings.TEMPLATES
    options = templates["OPTIONS"]
    processors = [
        *options["context_processors"],
        "django_notification_system.contrib.inbox.context_processors.inbox",
    ]
    settings.TEMPLATES = [{**templates, "OPTIONS": {**options, "context_processors": processors}}]
    put(user, "Breakfast is ready")
    request = RequestFactory().get("/")
    request.user = user
    assert "Breakfast is ready" in render_to_string("inbox_newest.html", {}, request)
    assert '<a href="/inbox/">1 new</a>' in render_to_string("inbox_number.html", {}, request)
    InboxItem.objects.of(user).mark_read()
    request = RequestFactory().get("/")
    request.user = user
    assert render_to_string("inbox_number.html", {}, request).strip() == ""


def test_the_page_names_variables_and_an_event_that_there_are() -> None:
    css, script = (_static(f"inbox.{kind}") for kind in ("css", "js"))
    names = re.findall(r"--inbox-[a-z-]+", (EXAMPLES / "inbox_colours.css").read_text())
    names += re.findall(r"``(--inbox-[a-z-]+)``", (DOCS / "reference/inbox.rst").read_text())
    assert len(names) > 10
    assert [name for name in names if f"{name}:" not in css] == []
    assert 'new CustomEvent("inbox", { detail: now })' in script
    assert 'addEventListener("inbox"' in (EXAMPLES / "inbox_listener.js").read_text()


def _static(name: str) -> str:
    path = finders.find(f"django_notification_system/{name}")
    assert path
    return Path(path).read_text()


def test_the_consumer_sends_what_is_added(settings: Any, user: Any) -> None:
    """Where Channels is installed, which nothing here needs."""
    pytest.importorskip("channels")
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    example = run_example("inbox_consumer.py")

    async def received() -> Any:
        consumer = example["InboxConsumer"].as_asgi()
        browser = ApplicationCommunicator(consumer, {"type": "websocket", "user": user})
        await browser.send_input({"type": "websocket.connect"})
        assert (await browser.receive_output())["type"] == "websocket.accept"
        event = SimpleNamespace(title="Breakfast is ready")
        tell = sync_to_async(example["tell_browsers"])
        to_come = SimpleNamespace(title="Dinner is ready")
        await tell(to_come, [user.pk], timezone.now() + timedelta(hours=9))
        await tell(event, [user.pk], timezone.now())
        message = await browser.receive_output()
        await browser.send_input({"type": "websocket.disconnect", "code": 1000})
        await browser.wait()
        return json.loads(message["text"])

    try:
        assert asyncio.run(received()) == {"title": "Breakfast is ready"}
    finally:
        inbox_added.disconnect(example["tell_browsers"])


def test_the_view_set_lists_and_marks(user: Any) -> None:
    """Where Django REST framework is installed, which nothing here needs."""
    pytest.importorskip("rest_framework")
    from rest_framework.test import APIRequestFactory, force_authenticate

    view_set = run_example("inbox_viewset.py")["InboxViewSet"]
    item = put(user, "Breakfast is ready")

    def call(method: str, name: str, **values: Any) -> Any:
        request = getattr(APIRequestFactory(), method)("/", values.pop("query", None))
        force_authenticate(request, user)
        return view_set.as_view({method: name})(request, **values)

    [listed] = call("get", "list").data["items"]
    assert listed["title"] == "Breakfast is ready"
    assert call("get", "list", query={"before": "x"}).status_code == 400
    assert call("get", "unread").data == {"unread": 1}
    assert call("post", "read", pk=item.pk).status_code == 204
    for wrong in (item.pk + 1, "nonsense"):
        assert call("post", "read", pk=wrong).status_code == 404
    assert not InboxItem.objects.get().is_unread
