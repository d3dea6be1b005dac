"""The settings and the URLs on the page about text messages belong together."""

from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import django
import pytest
from django.core import mail
from django.core.checks import run_checks
from django.urls import reverse

from django_notification_system.contrib.twilio import text_message_received
from django_notification_system.contrib.twilio.incoming import HELP_WORDS, START_WORDS, STOP_WORDS
from tests.support.documentation import DOCS, run_example


def test_settings_and_urls_for_text_messages_name_the_same_address(settings: Any) -> None:
    urls = ModuleType("shown_urls")
    vars(urls).update(run_example("twilio_urls.py"))
    settings.ROOT_URLCONF = urls
    targets = run_example("twilio_settings.py")["NOTIFICATION_SYSTEM_TARGETS"]
    settings.NOTIFICATION_SYSTEM_TARGETS = targets

    assert run_checks() == []
    served = reverse("django_notification_system_twilio:status_callback")
    assert urlsplit(targets["twilio_sms"]["callback_url"]).path == served


def test_a_text_is_passed_on_to_the_managers(settings: Any) -> None:
    # Django 5.2 wants pairs, and later releases warn of them.
    manager = "managers@example.com"
    settings.MANAGERS = [manager if django.VERSION >= (6, 0) else ("Managers", manager)]
    receive = run_example("text_message_receiver.py")["pass_on"]

    text_message_received.send(None, address="+15005550010", to="+1", body="Hello", form={})

    text_message_received.disconnect(receive)
    (message,) = mail.outbox
    assert (message.subject, message.body) == (
        "[Django] Text message from +15005550010",
        "Hello",
    )


@pytest.mark.parametrize("words", [STOP_WORDS, START_WORDS, HELP_WORDS])
def test_the_page_names_the_words(words: frozenset[str]) -> None:
    page = (DOCS / "howto" / "text_messages.rst").read_text()
    row = ", ".join(f"``{word.upper()}``" for word in words)
    rows = [
        line.split("* - ")[1] for line in page.splitlines() if line.strip().startswith("* - ``")
    ]
    assert any(sorted(shown.split(", ")) == sorted(row.split(", ")) for shown in rows)
