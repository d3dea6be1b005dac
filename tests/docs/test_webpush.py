"""The page about Web Push: its steps, typed as they stand there, send a message."""

from typing import Any

import pytest
from django.template import engines
from django.test import Client, RequestFactory, override_settings
from django.urls import resolve

from django_notification_system import checks
from django_notification_system.models import NotificationTarget
from django_notification_system.testing.push_service import PushServiceStandIn
from tests.support.documentation import DOCS, EXAMPLES, process, run_command, run_example

pytestmark = pytest.mark.django_db
PAGE = (DOCS / "howto" / "target_webpush.rst").read_text()


def test_the_steps_of_the_page_send_a_message(
    user: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run_command("make_vapid_keys").splitlines()[0]
    monkeypatch.setenv("VAPID_PRIVATE_KEY", made.partition(" = ")[2])
    written = run_example("webpush_settings.py")
    [app] = written["INSTALLED_APPS"]
    settings.NOTIFICATION_SYSTEM_TARGETS = written["NOTIFICATION_SYSTEM_TARGETS"]
    assert [each for each in checks.check_settings() if "webpush" in each.msg] == []
    [route] = run_example("webpush_urls.py")["urlpatterns"]
    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [route]})
    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, app]):
        run_command("migrate")
        assert NotificationTarget.objects.get(name="Web Push")
        request = RequestFactory().get("/")
        request.user = user
        button = engines["django"].from_string((EXAMPLES / "webpush_page.html").read_text())
        assert "<button" in button.render({}, request)
        worker = (EXAMPLES / "webpush_worker.js").read_text().split('"')[1]
        assert resolve(worker).view_name.endswith(":service_worker")
        with PushServiceStandIn() as push_service:
            settings.NOTIFICATION_SYSTEM_TARGETS["webpush"]["stand_in_url"] = push_service.url
            browser = push_service.subscribe()
            client = Client()
            client.force_login(user)
            answer = client.post(
                "/push/subscription/", browser.subscription, content_type="application/json"
            )
            assert answer.status_code == 201
            run_example("send_web_push.py")
            process("--target", "Web Push")
    assert browser.messages == [
        {
            "title": "Breakfast is ready",
            "body": "Come while it is hot.",
            "url": "/breakfast/",
            "tag": "breakfast",
        }
    ]


def test_the_example_of_a_test_passes() -> None:
    case = run_example("test_web_push.py")["WebPushTests"](
        "test_the_browser_gets_the_page_behind_the_click"
    )
    settings = {"NOTIFICATION_SYSTEM_TARGETS": {"webpush": {"vapid_private_key": "other"}}}
    with override_settings(**settings):
        case.test_the_browser_gets_the_page_behind_the_click()


def test_the_page_names_the_limits_of_the_code() -> None:
    from django_notification_system.contrib.webpush.browsers import MOST_BROWSERS
    from django_notification_system.notification_handlers.webpush.message import (
        LONGEST_PLAINTEXT,
        RULES,
    )

    assert f"at most {MOST_BROWSERS} browsers" in PAGE
    assert f"at most {LONGEST_PLAINTEXT:,} bytes" in PAGE
    assert [name for name in RULES if f"``{name}``" not in PAGE] == []
