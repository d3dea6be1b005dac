"""The settings and the URLs on the page about text messages belong together."""

from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import run_checks
from django.urls import reverse

from tests.support.documentation import run_example


def test_settings_and_urls_for_text_messages_name_the_same_address(settings: Any) -> None:
    urls = ModuleType("shown_urls")
    vars(urls).update(run_example("twilio_urls.py"))
    settings.ROOT_URLCONF = urls
    targets = run_example("twilio_settings.py")["NOTIFICATION_SYSTEM_TARGETS"]
    settings.NOTIFICATION_SYSTEM_TARGETS = targets

    assert run_checks() == []
    served = reverse("django_notification_system_twilio:status_callback")
    assert urlsplit(targets["twilio_sms"]["callback_url"]).path == served
