"""What the system checks say of the settings of FCM, with the next step."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from django_notification_system.checks import check_settings
from django_notification_system.notification_handlers import fcm
from django_notification_system.testing.fcm_api import service_account

KEY = service_account("https://oauth2.googleapis.com")


def messages(settings: Any, **values: Any) -> list[str]:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"fcm": values}
    return [f"{each.id} {each.msg} {each.hint or ''}" for each in check_settings()]


def test_a_right_key_is_silent(settings: Any, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(KEY))
    assert messages(settings, credentials=KEY) == []
    assert messages(settings, credentials=file) == []
    assert messages(settings, credentials={**KEY, "project_id": ""}, project_id="club") == []


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        ("", "has no credentials. Make a key in the Firebase console"),
        (7, "must be the path of a service account's key file"),
        ("/no/such/planted-file.json", "FileNotFoundError. Give the absolute path"),
        ({**KEY, "type": "authorized_user"}, "no service account's key. Make a key"),
        ({**KEY, "private_key": ""}, "without private_key"),
        ({**KEY, "private_key": KEY["private_key"].replace("\n", "\\n")}, "private_key.replace("),
        ({**KEY, "private_key": "planted"}, "private_key is no key. Make a key"),
        ({**KEY, "token_uri": "planted"}, "token_uri is no web address"),
        ({**KEY, "project_id": None}, "Add 'project_id'"),
    ],
)
def test_a_wrong_key_has_a_next_step(settings: Any, credentials: Any, said: str) -> None:
    [message] = messages(settings, credentials=credentials)
    assert said in message
    assert "planted" not in message
    assert "PRIVATE KEY" not in message


def test_a_file_that_is_no_key_has_a_next_step(settings: Any, tmp_path: Path) -> None:
    for text in ("planted", "[]", "\x00"):
        file = tmp_path / "key.json"
        file.write_text(text)
        [message] = messages(settings, credentials=str(file))
        assert "no JSON object" in message


def test_a_key_given_in_place_of_its_path_is_not_told(settings: Any) -> None:
    [message] = messages(settings, credentials=json.dumps(KEY))
    assert "json.loads()" in message
    assert "BEGIN" not in message


@pytest.mark.parametrize("found", [None, ModuleNotFoundError("No module named 'google'")])
def test_a_missing_library_is_a_warning(
    settings: Any, monkeypatch: pytest.MonkeyPatch, found: Any
) -> None:
    real = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        if name != "google.auth":
            return real(name, package)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    [message] = messages(settings, credentials=KEY)
    assert "W002" in message
    assert "pip install 'django-notification-system[fcm]'" in message


def test_an_address_is_one_word() -> None:
    assert fcm.fault_of_address("eggs:token_1") == ""
    for address in ("", "two words", "sha256:" + "A" * 43):
        assert fcm.fault_of_address(address)
