"""What the target says of itself: checks, the preview, the place where messages go."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from django_notification_system.checks import check_settings
from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.webpush import destination, preview
from django_notification_system.notification_handlers.webpush.settings import WebpushSettings
from django_notification_system.notification_handlers.webpush.vapid import public_key_of
from django_notification_system.targets import known_description
from django_notification_system.testing.push_service import Browser, PushServiceStandIn
from tests.conftest import MakeDue
from tests.support.provider_support import Process
from tests.support.webpush_support import PRIVATE_KEY, SUBJECT, record_of


def found(settings: Any, **values: Any) -> list[str]:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"webpush": values}
    return [f"{each.id}: {each.msg} {each.hint}" for each in check_settings()]


def test_right_settings_have_no_fault(settings: Any) -> None:
    assert found(settings, vapid_private_key=PRIVATE_KEY, subject=SUBJECT) == []
    assert found(settings, vapid_private_key=PRIVATE_KEY, subject="https://www.example.com") == []


@pytest.mark.parametrize("key", [None, "", "planted-key", "planted" * 9, 17])
def test_a_missing_or_wrong_key_names_the_command_that_makes_one(settings: Any, key: Any) -> None:
    values = {} if key is None else {"vapid_private_key": key}
    messages = found(settings, subject=SUBJECT, **values)
    [said] = [message for message in messages if "vapid_private_key" in message]
    assert "planted" not in said
    if key == 17:
        assert "must be a string" in said
    else:
        assert "E021" in said
        assert "python manage.py make_vapid_keys" in said
        assert "docs/howto/target_webpush.rst" in said


def test_a_public_key_is_told_from_a_private_one(settings: Any) -> None:
    [said] = found(settings, subject=SUBJECT, vapid_private_key=public_key_of(PRIVATE_KEY))
    assert "is a public key. Give the private key" in said
    assert "all browsers must subscribe again" in said


@pytest.mark.parametrize(
    "values",
    [
        {"subject": "kitchen@example.com"},
        {"subject": "mailto:"},
        {"subject": "mailto:kitchen@localhost"},
        {"subject": "mailto:kitchen@[127.0.0.1]"},
        {"subject": "http://www.example.com"},
        {"subject": "https://localhost"},
        {"subject": "https://www.example.com/contact"},
        {"ttl": -1},
        {"ttl": 28 * 86_400 + 1},
        {"urgency": "urgent"},
        {"connections": 0},
        {"timeout": 0},
        {"push_services": []},
        {"push_services": "fcm.googleapis.com"},
        {"push_services": ["https://fcm.googleapis.com"]},
        {"push_services": ["fcm.googleapis.com:443"]},
        {"push_services": ["*"]},
        {"push_services": ["*.com/"]},
        {"push_services": ["FCM.googleapis.com"]},
        {"stand_in_url": "ftp://localhost"},
    ],
)
def test_each_setting_has_a_rule(settings: Any, values: dict[str, Any]) -> None:
    right = {"vapid_private_key": PRIVATE_KEY, "subject": SUBJECT}
    [said] = found(settings, **{**right, **values})
    assert "E003" in said
    assert next(iter(values)) in said


def test_a_missing_subject_is_a_fault(settings: Any) -> None:
    [said] = found(settings, vapid_private_key=PRIVATE_KEY)
    assert "has no subject" in said


def test_the_key_is_never_shown() -> None:
    settings = WebpushSettings(vapid_private_key=PRIVATE_KEY, stand_in_url="http://a:b@c")
    assert PRIVATE_KEY not in repr(settings)
    assert "a:b" not in repr(settings)


def test_where_messages_go(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"webpush": {}}
    assert destination().startswith("fcm.googleapis.com, updates.push.services.mozilla.com, ")


def test_what_the_package_knows_of_the_target() -> None:
    described = known_description("webpush")
    assert described is not None
    assert (described.target_name, described.address_in_details) == ("Web Push", True)
    assert described.fault_of_address is not None
    assert described.fault_of_address(Browser().address) == ""
    assert "begins with sha256:" in described.fault_of_address("https://fcm.googleapis.com/x")


def test_the_preview_says_what_keeps_a_message_from_going_out(
    push_service: PushServiceStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    def problem(**fields: Any) -> str:
        shown = preview(make_due(record, **fields), may_render=False, with_text=False)
        assert (shown.kind, shown.title) == ("push", "Test notification")
        return shown.problem

    assert problem() == ""
    assert problem(extra=["odd"]) == ""
    assert "extra['url']" in problem(extra={"url": "javascript:alert(1)"})
    assert problem(body="e" * 4000) == "The message is too long."


def test_the_admin_shows_the_message_and_nothing_of_the_browser(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    browser_of_egg: Browser,
    make_due: MakeDue,
    django_user_model: Any,
) -> None:
    notification = make_due(record, body="Breakfast is ready.")
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("ada", password="x"))
    pages = [
        reverse("admin:django_notification_system_notification_change", args=[notification.pk]),
        reverse("admin:django_notification_system_notification_changelist"),
        reverse("admin:django_notification_system_usertarget_change", args=[record.pk]),
        reverse("admin:django_notification_system_usertarget_changelist"),
    ]
    for page in pages:
        content = client.get(page).content.decode()
        for secret in _secrets(browser_of_egg):
            assert secret not in content
    assert "Breakfast is ready." in client.get(pages[0]).content.decode()


def _secrets(browser: Browser) -> list[str]:
    keys = browser.subscription["keys"]
    return [PRIVATE_KEY, browser.endpoint.rpartition("/")[2], keys["p256dh"], keys["auth"]]


def test_a_test_message_goes_to_a_record_by_its_address(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    browser_of_egg: Browser,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--target", "Web Push", "--to", browser_of_egg.address, "--title", "Try"]
    call_command("send_test_notification", *arguments)
    printed = capsys.readouterr()
    assert [message["title"] for message in browser_of_egg.messages] == ["Try"]
    assert "The push service has taken the message." in printed.out
    for secret in _secrets(browser_of_egg):
        assert secret not in printed.out + printed.err


def test_a_redirected_message_goes_to_the_testers_browser(
    push_service: PushServiceStandIn,
    process: Process,
    record: TargetUserRecord,
    target: NotificationTarget,
    browser_of_egg: Browser,
    make_due: MakeDue,
    django_user_model: Any,
    settings: Any,
) -> None:
    of_tester = push_service.subscribe()
    record_of(django_user_model.objects.create_user("tester"), target, of_tester)
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"webpush": of_tester.address}}
    assert check_settings() == []
    notification = make_due(record, body="Only for testers")

    process()

    notification.refresh_from_db()
    assert notification.status == "DELIVERED"
    assert [message["body"] for message in of_tester.messages] == ["Only for testers"]
    assert browser_of_egg.messages == []
    record.refresh_from_db()
    assert record.details == browser_of_egg.details
