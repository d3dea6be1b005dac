"""The settings and the URLs on the page about bounces make a webhook that is listened to."""

from types import ModuleType
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.core.checks import run_checks
from django.test import override_settings
from django.urls import reverse

from tests.support.documentation import run_example
from tests.support.mail_backends import use_backend

pytest.importorskip("anymail")


@pytest.mark.django_db  # Django asks SQLite whether it stores JSON
def test_settings_and_urls_for_bounces_connect_the_webhooks(settings: Any) -> None:
    shown = run_example("anymail_settings.py")
    urls = ModuleType("shown_urls")
    vars(urls).update(run_example("anymail_urls.py"))
    apps = [*project_settings.INSTALLED_APPS, *shown["INSTALLED_APPS"]]
    settings.ANYMAIL = shown["ANYMAIL"]
    settings.ROOT_URLCONF = urls
    use_backend(settings, shown["EMAIL_BACKEND"])
    with override_settings(INSTALLED_APPS=list(dict.fromkeys(apps))):
        assert run_checks() == []
        assert reverse("anymail:postmark_tracking_webhook") == "/anymail/postmark/tracking/"
        from anymail.signals import tracking

        assert tracking.has_listeners()
