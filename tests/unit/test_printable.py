"""What is said on terminals, in logs and as JSON steers nothing and gives no password away."""

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.expo.settings import expo_settings
from django_notification_system.notification_handlers.redaction import redacted
from django_notification_system.notification_handlers.twilio.settings import twilio_settings
from django_notification_system.outcome import one_line
from django_notification_system.printable import (
    printable,
    printable_json,
    printable_line,
    without_password,
)
from django_notification_system.testing.providers import Answer, ProviderStandIn
from tests.conftest import MakeDue
from tests.support.handlers import freely
from tests.support.provider_support import refused

#: Clears a screen, sets a window's title, opens an escape sequence in one character, forges a line,
#: turns a text around.
STEERING = "\x1b[2J\x1b]0;x\x07\x9b1m\r\u2028\u202e\x85"
NAME = "a\nERROR b\x9b1m"


def steers(text: str) -> bool:
    return any(character in text for character in STEERING if not character.isascii()) or any(
        character in text for character in "\x1b\x07\r"
    )


@pytest.fixture
def odd_target(user: Any, settings: Any) -> Any:
    """A record in a target that was not named through a form."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    target = NotificationTarget.objects.create(name=NAME, notification_module_name="freely")
    record = TargetUserRecord.objects.create(user=user, target=target, target_user_id="here")
    yield record
    freely.behave = freely.one_after_another


def test_what_steers_is_escaped() -> None:
    assert not steers(printable(STEERING))
    assert printable("a\r\nb\tc") == "a\nb\tc"
    assert printable_line("a\nb\tc") == "a\\nb\\tc"
    assert printable("ä\x9b", "ascii") == "\\xe4\\x9b"
    said = printable_json({"ä": STEERING}, indent=2)
    assert not steers(said)
    assert json.loads(said) == {"ä": STEERING}


@pytest.mark.django_db
@pytest.mark.parametrize("output_format", ["text", "json"])
def test_nothing_steers_the_terminal_of_whoever_runs_a_command(
    odd_target: TargetUserRecord, make_due: MakeDue, process: Callable[..., str], output_format: str
) -> None:
    def behave(notifications: Any) -> Any:
        raise RuntimeError(STEERING)

    freely.behave = behave
    make_due(odd_target, title=STEERING, body=STEERING)
    for verbosity in ("1", "2", "3"):
        said = process("-v", verbosity, "--format", output_format, "--target", NAME)
        assert not steers(said)
        assert "\nERROR b" not in said
    for options in ({}, {"format": "json"}):
        out = io.StringIO()
        call_command("notification_status", stdout=out, **options)
        assert not steers(out.getvalue())
        assert "\nERROR b" not in out.getvalue()


@pytest.mark.django_db
def test_an_error_of_a_command_steers_no_terminal(odd_target: TargetUserRecord) -> None:
    for command in ("process_notifications", "notification_status", "hand_over_notifications"):
        with pytest.raises(CommandError) as error:
            call_command(command, "--target", f"no{STEERING}")
        assert not steers(str(error.value))


@pytest.mark.django_db
def test_a_name_forges_no_line_of_a_log(
    odd_target: TargetUserRecord, make_due: MakeDue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "django_notification_system")
    make_due(odd_target)
    call_command("process_notifications", verbosity=0)
    ours = [each for each in caplog.records if each.name == "django_notification_system"]
    assert any("a\\nERROR b" in each.getMessage() for each in ours)
    for record in ours:
        assert "\n" not in record.getMessage()
        assert not steers(record.getMessage())


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["a\nb", "a\x1b[m", "a\x9bm", "a\u2028b", "a\u202eb", "a\tb"])
def test_a_name_is_one_printable_line(user: Any, name: str) -> None:
    target = NotificationTarget(name=name, notification_module_name="loft")
    with pytest.raises(ValidationError) as error:
        target.full_clean()
    assert list(error.value.message_dict) == ["name"]
    record = TargetUserRecord(
        user=user,
        target=NotificationTarget.objects.get(name="Email"),
        target_user_id="a@example.com",
        description=name,
    )
    with pytest.raises(ValidationError) as error:
        record.full_clean()
    assert list(error.value.message_dict) == ["description"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pass@example.com/a@b", "https://***@example.com/a@b"),
        ("amqp://user:p@ss@example.com", "amqp://***@example.com"),
        ("proxy http://token@proxy:3128 failed", "proxy http://***@proxy:3128 failed"),
        ("https://example.com/?to=a@b", "https://example.com/?to=a@b"),
        ("://" * 10_000, "://" * 10_000),
    ],
)
def test_a_web_address_is_shown_without_its_password(text: str, shown: str) -> None:
    assert without_password(text) == shown
    if len(text) < 100:
        assert redacted(text) == shown
        assert one_line(ValueError(text)) == f"ValueError: {shown}"


def test_settings_show_no_address_with_a_password(settings: Any) -> None:
    address = {"base_url": "https://user:planted@example.com"}
    settings.NOTIFICATION_SYSTEM_TARGETS = {
        "twilio_sms": {**address, "callback_url": "https://user:planted@www.example.com/"},
        "expo": address,
    }
    assert "planted" not in f"{twilio_settings()} {expo_settings()}"


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["Twilio", "Expo"])
@pytest.mark.odd_requests
def test_a_test_message_shows_no_password(
    target: str,
    providers: ProviderStandIn,
    records: dict[str, TargetUserRecord],
    settings: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address = providers.url.replace("://", "://user:planted@")
    for name in ("twilio_sms", "expo"):
        settings.NOTIFICATION_SYSTEM_TARGETS[name]["base_url"] = address
    to = records[target].target_user_id
    call_command("send_test_notification", "--target", target, "--to", to)
    providers.on_request = refused(Answer(status=400, json={"message": f"planted at {address}"}))
    with pytest.raises(CommandError) as error:
        call_command("send_test_notification", "--target", target, "--to", to)
    printed = capsys.readouterr()
    assert "***@127.0.0.1" in printed.err
    assert "planted" not in f"{printed} {error.value}"
