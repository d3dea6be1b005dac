"""A sender that cannot be used stops the email target, and is said in one line."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from django_notification_system.checks import check_settings
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue

UNUSABLE = [
    "Shop, Inc. <shop@example.com>",
    "shop@example.com, sales@example.com",
    "Shop\n<shop@example.com>",
]
USABLE = [
    "shop@example.com",
    "Shop <shop@example.com>",
    '"Shop, Inc." <shop@example.com>',
    "Läden <laden@example.com>",
    "webmaster@localhost",
]
SETTINGS: dict[str, Callable[[Any, str], None]] = {
    "DEFAULT_FROM_EMAIL": lambda settings, address: setattr(
        settings, "DEFAULT_FROM_EMAIL", address
    ),
    "from_email in NOTIFICATION_SYSTEM_TARGETS['email']": lambda settings, address: setattr(
        settings, "NOTIFICATION_SYSTEM_TARGETS", {"email": {"from_email": address}}
    ),
}


def run_and_read(capsys: pytest.CaptureFixture[str]) -> list[str]:
    call_command("process_notifications", verbosity=0)
    return capsys.readouterr().err.splitlines()


def assert_all_wait() -> None:
    assert set(Notification.objects.values_list("status", "retry_attempts", "claim_token")) == {
        ("SCHEDULED", 0, None)
    }


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("address", UNUSABLE)
def test_an_address_that_is_none_stops_the_target(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    capsys: pytest.CaptureFixture[str],
    address: str,
    setting: str,
) -> None:
    SETTINGS[setting](settings, address)
    for number in range(20):
        make_due(email, title=f"Number {number}")
    [line] = run_and_read(capsys)
    assert f"Correct {setting}." in line
    assert_all_wait()
    assert mail_server.received == []


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("address", UNUSABLE)
def test_the_system_check_names_the_setting(settings: Any, address: str, setting: str) -> None:
    SETTINGS[setting](settings, address)
    [found] = [each for each in check_settings() if each.id == "django_notification_system.E014"]
    assert f"Correct {setting}." in found.msg


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("address", USABLE)
def test_an_address_with_or_without_a_name_is_right(
    settings: Any, address: str, setting: str
) -> None:
    SETTINGS[setting](settings, address)
    assert [each for each in check_settings() if each.id == "django_notification_system.E014"] == []


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("MAIL", "553 5.7.1 Sender address rejected: not owned by user shop"),
        ("MAIL", "550 5.1.8 Domain not found"),
        ("RCPT", "550 5.1.8 Sender address rejected: Domain not found"),
        ("RCPT", "553 5.7.1 Sender address rejected: not owned by user shop"),
    ],
)
def test_a_sender_that_the_server_refuses_stops_the_target(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    capsys: pytest.CaptureFixture[str],
    command: Any,
    answer: str,
) -> None:
    mail_server.answer(command, answer)
    for number in range(20):
        make_due(email, title=f"Number {number}")
    [line] = run_and_read(capsys)
    assert answer in line
    assert "Correct DEFAULT_FROM_EMAIL." in line
    assert_all_wait()


@pytest.mark.parametrize("answer", ["552 5.3.4 Message too big", "552 Too big", "550 5.6.7 No"])
def test_a_message_that_is_refused_with_its_sender_fails_alone(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    answer: str,
) -> None:
    mail_server.answer("MAIL", answer, times=1)
    for number in range(3):
        make_due(email, title=f"Number {number}")
    call_command("process_notifications", verbosity=0)
    statuses = sorted(Notification.objects.values_list("status", flat=True))
    assert statuses == ["DELIVERED", "DELIVERED", "DELIVERY FAILURE"]


@pytest.mark.parametrize("number", [1, 3])
def test_a_sender_that_is_refused_with_all_of_a_few_recipients_stops_the_target_too(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    mail_server.answer("RCPT", "550 5.7.1 Sender denied")
    for index in range(number):
        make_due(email, title=f"Number {index}")
    [line] = run_and_read(capsys)
    assert "Correct DEFAULT_FROM_EMAIL." in line
    assert_all_wait()


@pytest.mark.parametrize("after", [0, 1])
def test_a_recipient_who_takes_mail_from_a_few_alone_fails_alone(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, after: int
) -> None:
    mail_server.answer("RCPT", "550 5.7.133 Sender not authenticated", after=after, times=1)
    for number in range(3):
        make_due(email, title=f"Number {number}")
    call_command("process_notifications", verbosity=0)
    statuses = sorted(Notification.objects.values_list("status", flat=True))
    assert statuses == ["DELIVERED", "DELIVERED", "DELIVERY FAILURE"]
