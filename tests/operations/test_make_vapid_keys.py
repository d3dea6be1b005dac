"""``make_vapid_keys`` prints a key pair that the settings take, and stores nothing."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from django_notification_system.checks import check_settings
from django_notification_system.notification_handlers.webpush.vapid import public_key_of


def make() -> tuple[dict[str, str], str]:
    output, advice = StringIO(), StringIO()
    call_command("make_vapid_keys", stdout=output, stderr=advice)
    lines = (line.split(" = ") for line in output.getvalue().splitlines())
    return {name.strip(): value for name, value in lines}, advice.getvalue()


def test_the_pair_fits_together_and_into_the_settings(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {}
    keys, advice = make()
    private_key = keys["vapid_private_key"]
    assert keys["public key"] == public_key_of(private_key)
    assert "out of the repository" in advice
    assert "must subscribe again" not in advice.replace("\n", " ")
    settings.NOTIFICATION_SYSTEM_TARGETS = {
        "webpush": {"vapid_private_key": private_key, "subject": "mailto:kitchen@example.com"}
    }
    assert check_settings() == []


def test_each_call_makes_another_pair_and_warns_of_the_one_in_the_settings(settings: Any) -> None:
    keys, _ = make()
    settings.NOTIFICATION_SYSTEM_TARGETS = {
        "webpush": {"vapid_private_key": keys["vapid_private_key"]}
    }
    others, advice = make()
    assert others != keys
    assert "all browsers must subscribe again" in advice
    assert keys["vapid_private_key"] not in advice


@pytest.mark.parametrize("key", ["", "no key"])
def test_the_command_works_where_the_checks_complain(settings: Any, key: str) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"webpush": {"vapid_private_key": key}}
    assert any(message.id == "django_notification_system.E021" for message in check_settings())
    assert make()[0]["vapid_private_key"]
