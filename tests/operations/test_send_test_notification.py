"""``send_test_notification``: one message, nothing stored, and what is wrong said in words."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.support.handlers import loft as loft_handler
from tests.support.handlers import old
from tests.support.mail_backends import use_backend
from tests.support.provider_support import refused
from tests.support.send_test_notification import ADDRESS, Output
from tests.support.twilio_support import refusal


@pytest.fixture(autouse=True)
def nothing_is_stored(db: None) -> Any:
    yield
    for model in (Notification, NotificationAttempt, TargetUserRecord, get_user_model()):
        assert not model._default_manager.exists()


@pytest.fixture
def make_target(settings: Any) -> Any:
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]

    def make(module_name: str) -> NotificationTarget:
        return NotificationTarget.objects.create(
            name=module_name.title(), notification_module_name=module_name
        )

    yield make
    loft_handler.flown.clear()


def test_a_mail_goes_to_the_address_and_nowhere_else(mail_server: SmtpStandIn) -> None:
    output = Output("Email", "--title", "Hello on call", "--body", "It works.")
    assert output.status == 0
    assert output.text.startswith("Email Successfully Sent\nThe provider's name for the message: <")
    [email] = mail_server.received
    assert email.envelope_to == [ADDRESS]
    assert email["Subject"] == "Hello on call"
    assert "It works." in email.text
    assert f"Goes to: {mail_server.host}:{mail_server.port}\n" in output.notes
    assert "Handler: django_notification_system.notification_handlers.email\n" in output.notes


def test_a_text_message_and_a_push_go_too(providers: ProviderStandIn) -> None:
    assert Output("twilio", to="+15005550010").text.startswith("SMS Successfully sent!\n")
    push = Output("Expo", to="ExponentPushToken[oncall]")
    assert push.text.startswith("Notification Successfully Pushed!")
    assert f"Goes to: {providers.url}\n" in push.notes
    assert "planted-auth-token" not in push.notes
    assert [message.to for message in providers.received] == [
        "+15005550010",
        "ExponentPushToken[oncall]",
    ]


def test_an_address_that_is_none_is_pointed_out(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {}  # the real Twilio would refuse the number
    output = Output("Twilio", to="whatsapp:15005550010")
    assert "'whatsapp:15005550010' is no address for WhatsApp" in output.notes
    assert "looks like whatsapp:+15005550006" in output.notes


def test_a_refusal_is_told_with_status_1(mail_server: SmtpStandIn) -> None:
    mail_server.answer("RCPT", "550 5.1.1 No such user")
    output = Output("Email")
    assert output.status == 1
    assert "550 5.1.1 No such user" in output.error
    assert "the settings are right; the address is not" in output.error


def test_a_server_that_wants_it_later_is_no_success(mail_server: SmtpStandIn) -> None:
    mail_server.answer("RCPT", "451 4.3.0 Later")
    output = Output("Email")
    assert output.status == 1
    assert output.error.endswith("451 4.3.0 Later. A run would try it again later.")


def test_a_host_that_does_not_answer_is_named(settings: Any, refusing_port: int) -> None:
    use_backend(settings, host="127.0.0.1", port=refusing_port, timeout=20)
    output = Output("Email")
    assert output.status == 1
    assert f"Goes to: 127.0.0.1:{refusing_port}\n" in output.notes
    assert "refused" in output.error
    assert "See that host and port are right" in output.error


def test_a_backend_for_development_is_pointed_out(settings: Any) -> None:
    use_backend(settings, "django.core.mail.backends.locmem.EmailBackend")
    output = Output("Email")
    assert "locmem.EmailBackend, which sends no mail" in output.notes


def test_what_keeps_the_whole_target_from_working_is_told(providers: ProviderStandIn) -> None:
    providers.on_request = refused(refusal(401, 20003, "Authenticate"))
    output = Output("Twilio", to="+15005550010")
    assert output.status == 1
    assert "20003" in output.error
    assert "planted-auth-token" not in output.error


def test_what_the_system_checks_find_is_told_in_their_words(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"twilio_sms": {"account_sid": "AC0"}}
    output = Output("Twilio", to="+15005550010")
    assert output.status == 1
    assert "E004: NOTIFICATION_SYSTEM_TARGETS['twilio_sms'] has an account_sid but" in output.notes
    assert "Add the token." in output.notes


def test_a_target_without_a_handler_says_where_handlers_are_looked_for(make_target: Any) -> None:
    make_target("pigeon")
    output = Output("Pigeon", to="north tower")
    assert output.status == 1
    assert "there is no module 'pigeon' in" in output.error


def test_a_handler_of_ones_own_is_called(make_target: Any) -> None:
    make_target("loft")
    assert Output("loft", "--title", "hello", to="tower").text.startswith("Cooed.\n")
    assert loft_handler.flown == ["hello"]
    assert Output("loft", "--title", "raise").error == "RuntimeError: the loft is on fire"
    assert Output("loft", "--title", "close").error == "The loft is closed."
    assert "yielded no outcome" in Output("loft", "--title", "forget").error


def test_what_a_handler_of_1_5_3_saves_is_not_stored(
    make_target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_target("old")

    def behave(notification: Notification) -> str:
        assert notification.target_user_record.target_user_id == "tower"
        notification.status = status
        notification.attempted_delivery = timezone.now()
        notification.save()
        return "Flown."

    monkeypatch.setattr(old, "behave", behave)
    status = "DELIVERED"
    assert Output("old", to="tower").text == "Flown.\n"
    status = "DELIVERY FAILURE"
    assert Output("old", to="tower").status == 1


def test_a_paused_target_is_tried_all_the_same(mail_server: SmtpStandIn) -> None:
    NotificationTarget.objects.update(
        paused_until=timezone.now() + timedelta(minutes=5), pause_reason="down"
    )
    output = Output("Email")
    assert output.status == 0
    assert "is paused until" in output.notes
    assert NotificationTarget.objects.filter(pause_reason="down").count() == 3


def test_an_unknown_target_is_an_error_that_names_the_known(db: None) -> None:
    assert Output("Fax").error.startswith("There is no target 'Fax'. The targets are: ")


def test_a_module_name_of_two_targets_does_not_choose(db: None) -> None:
    NotificationTarget.objects.create(name="Bills", notification_module_name="email")
    assert "More than one target has this module name: Email, Bills" in Output("email").error


def test_an_answer_cannot_steer_the_terminal(mail_server: SmtpStandIn) -> None:
    mail_server.answer("RCPT", "550 5.7.1 \x1b[31mred")
    assert "\x1b" not in Output("Email").error
