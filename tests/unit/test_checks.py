"""What the system checks say of the settings."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from django_notification_system.checks import check_settings


def ids(**settings: Any) -> list[str]:
    with override_settings(**settings):
        return [
            message.id.removeprefix("django_notification_system.") for message in check_settings()
        ]


def messages(**settings: Any) -> str:
    with override_settings(**settings):
        return "\n".join(f"{message.msg} {message.hint}" for message in check_settings())


def test_a_project_without_any_setting_is_in_order() -> None:
    assert ids() == []


@pytest.mark.django_db  # Django 6.1 asks the database whether it has JSON
def test_django_runs_the_checks_at_start() -> None:
    with override_settings(NOTIFICATION_SYSTEM_TARGETS=[1]):
        assert "django_notification_system.E001" in [message.id for message in run_checks()]


def test_the_documented_settings_are_in_order() -> None:
    targets = {
        "email": {"from_email": "shop@example.com", "connections": 4},
        "twilio_sms": {
            "account_sid": "AC0",
            "auth_token": "secret",
            "sender": "+15005550006",
            "callback_url": "https://www.example.com/status/#rc=3",
            "base_url": "https://api.twilio.com",
            "connections": 16,
            "timeout": 10,
        },
        "expo": {
            "access_token": None,
            "base_url": "https://exp.host",
            "connections": 4,
            "timeout": 10,
        },
        "carrier_pigeon": {"loft": "north", "when_unknown": "fail"},
    }
    engine = {"BATCH_SIZE": 500, "LEASE_SECONDS": 300, "RECORD_EVERY": 50}
    assert ids(NOTIFICATION_SYSTEM_TARGETS=targets, NOTIFICATION_SYSTEM=engine) == []


def test_twilio_left_empty_as_release_1_5_3_advised_is_in_order() -> None:
    empty = {"account_sid": "", "auth_token": "", "sender": "", "callback_url": ""}
    assert ids(NOTIFICATION_SYSTEM_TARGETS={"twilio_sms": empty}) == []


def test_an_option_that_only_a_targets_own_handler_knows_is_in_order() -> None:
    """Somewhat like an option that all targets have ("rate"), and no misspelling of it."""
    assert ids(NOTIFICATION_SYSTEM_TARGETS={"mine": {"grade": "first", "ratio": 2}}) == []
    assert ids(NOTIFICATION_SYSTEM_TARGETS={"mine": {"rates": "1/s"}}) == ["W001"]


@pytest.mark.parametrize(
    ("settings", "id_", "words"),
    [
        ({"NOTIFICATION_SYSTEM_TARGETS": ["email"]}, "E001", "NOTIFICATION_SYSTEM_TARGETS must be"),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"email": "x"}}, "E001", "['email'] must be a dictionary"),
        ({"NOTIFICATION_SYSTEM": 5}, "E002", "NOTIFICATION_SYSTEM must be a dictionary"),
        ({"NOTIFICATION_SYSTEM": {"BATCH_SIZE": 0}}, "E003", "NOTIFICATION_SYSTEM['BATCH_SIZE']"),
        ({"NOTIFICATION_SYSTEM": {"BATCH_SIZE": True}}, "E003", "a whole number above 0"),
        ({"NOTIFICATION_SYSTEM": {"LEASE_SECONDS": "5"}}, "E003", "['LEASE_SECONDS']"),
        ({"NOTIFICATION_SYSTEM": {"DISPATCH": "at once"}}, "E003", '"on_commit" or None'),
        ({"NOTIFICATION_SYSTEM": {"DISPATCH": "on_commit"}}, "E011", "names no task engine"),
        ({"NOTIFICATION_SYSTEM": {"TASK_QUEUES": ["mail"]}}, "E003", "None or a dictionary"),
        ({"NOTIFICATION_SYSTEM": {"PRIORITY_AGING": -1}}, "E003", "['PRIORITY_AGING']"),
        ({"NOTIFICATION_SYSTEM": {"PRIORITY_AGING": 1e12}}, "E003", "which is a year"),
        ({"NOTIFICATION_SYSTEM": {"BATCHSIZE": 5}}, "W001", "no option 'BATCHSIZE'"),
        ({"NOTIFICATION_SYSTEM": {"LEASE_SECONDS": 5}}, "W003", "a send may take 10 seconds"),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"expo": {"timeout": 300}}}, "W003", "may take 300"),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"email": {"conections": 1}}}, "W001", "'conections'"),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"email": {"timeout": -1}}}, "E003", "['timeout']"),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"expo": {"base_url": "exp.host"}}}, "E003", "URL"),
        (
            {"NOTIFICATION_SYSTEM_TARGETS": {"twilio_sms": {"callback_url": "/status/"}}},
            "E003",
            "['callback_url'] must be an http or https URL",
        ),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"mine": {"when_unknown": "x"}}}, "E003", '"retry" or'),
        (
            {"NOTIFICATION_SYSTEM_TARGETS": {"twilio_sms": {"account_sid": "A", "sender": "+1"}}},
            "E004",
            "no auth_token",
        ),
        (
            {
                "NOTIFICATION_SYSTEM_TARGETS": {
                    "twilio_sms": {"account_sid": "A", "auth_token": "secret"}
                }
            },
            "E004",
            "'messaging_service_sid'",
        ),
        ({"NOTIFICATION_SYSTEM_HANDLERS": "/handlers"}, "E005", "must be a list"),
        ({"NOTIFICATION_SYSTEM_HANDLERS": [5]}, "E005", "NOTIFICATION_SYSTEM_HANDLERS[0]"),
        ({"NOTIFICATION_SYSTEM_HANDLERS": [""]}, "E005", "NOTIFICATION_SYSTEM_HANDLERS[0]"),
        ({"NOTIFICATION_SYSTEM_HANDLERS": ["/no/such"]}, "E006", "does not exist: /no/such"),
        (
            {"NOTIFICATION_SYSTEM_CREATORS": [Path("/no")]},
            "E006",
            "NOTIFICATION_SYSTEM_CREATORS[0]",
        ),
        ({"NOTIFICATION_SYSTEM_HANDLERS": ["no.such"]}, "E007", "does not exist: no.such"),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"email": {"rate": "10 a second"}}}, "E003", "['rate']"),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"mine": {"rate": 0}}}, "E003", "must be a rate such as"),
        ({"NOTIFICATION_SYSTEM": {"PAUSE_AFTER": 0}}, "E003", "['PAUSE_AFTER']"),
        ({"NOTIFICATION_SYSTEM": {"IN_FLIGHT": 0}}, "E003", "['IN_FLIGHT']"),
        ({"NOTIFICATION_SYSTEM": {"ENGINE": 5}}, "E003", "the dotted name of a module"),
        ({"NOTIFICATION_SYSTEM": {"ENGINE": "tests.nothing"}}, "E010", "does not import"),
        (
            {"NOTIFICATION_SYSTEM": {"ENGINE": "tests.support.handlers.loft"}},
            "E010",
            "without enqueue()",
        ),
        ({"NOTIFICATION_SYSTEM": {"PAUSE_SECONDS": "60"}}, "E003", "['PAUSE_SECONDS']"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], id_: str, words: str) -> None:
    assert ids(**settings) == [id_]
    said = messages(**settings)
    assert words in said
    assert "secret" not in said


@pytest.mark.parametrize("location", ["broken_package", "broken_package.inner"])
@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("\nimport no_such_module", "ModuleNotFoundError: No module named 'no_such_module' ("),
        ("\nraise SystemExit('no licence')", "SystemExit: no licence ("),
        ("\ndef:", "SyntaxError: invalid syntax ("),
    ],
)
def test_a_package_that_does_not_import_is_an_error(
    location: str, source: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "broken_package"
    package.mkdir()
    (package / "__init__.py").write_text(source)
    (package / "inner").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = {"NOTIFICATION_SYSTEM_HANDLERS": [location]}
    assert ids(**settings) == ["E007"]
    place = f"{package / '__init__.py'}, line 2)"
    assert f"{location} does not import: {words}{place}" in messages(**settings)
    assert "does not exist" not in messages(**settings)


def test_a_module_in_what_is_no_package_does_not_exist() -> None:
    """Python finds the module before the last name, but nothing can be inside it."""
    settings = {"NOTIFICATION_SYSTEM_HANDLERS": ["tests.settings.inner"]}
    assert "does not exist: tests.settings.inner" in messages(**settings)


def test_a_missing_client_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name: None if name == "exponent_server_sdk" else find_spec(name),
    )
    said = messages(NOTIFICATION_SYSTEM_TARGETS={"expo": {}})
    assert "pip install 'django-notification-system[expo]'" in said


@pytest.mark.parametrize(
    "addresses",
    [
        {"email": "staging at example.com"},
        {"email": ""},
        {"twilio_sms": 15005550010},
        {"expo": "two\nlines"},
        {"twilio": "+15005550010"},
    ],
)
def test_an_overriding_recipient_must_be_an_address_of_a_target(addresses: dict[str, Any]) -> None:
    assert ids(NOTIFICATION_SYSTEM={"OVERRIDE_RECIPIENTS": addresses}) == ["E009"]


def test_overriding_recipients_in_order() -> None:
    addresses = {"email": "staging@example.com", "twilio_sms": "+15005550010", "loft": "tower"}
    assert ids(NOTIFICATION_SYSTEM={"OVERRIDE_RECIPIENTS": addresses}) == []
    assert ids(NOTIFICATION_SYSTEM={"OVERRIDE_RECIPIENTS": "staging@example.com"}) == ["E003"]


def test_a_module_name_in_place_of_a_targets_key_is_corrected() -> None:
    said = messages(NOTIFICATION_SYSTEM={"OVERRIDE_RECIPIENTS": {"twilio": "+15005550010"}})
    assert "Write 'twilio_sms'." in said
