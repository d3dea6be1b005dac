"""``add_target`` makes the row of a target, once, and knows what was meant."""

import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_notification_system.models import NotificationTarget

HANDLERS = "django_notification_system.notification_handlers"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def handlers(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]


def add(*arguments: str, **options: Any) -> str:
    output = StringIO()
    options.setdefault("stderr", StringIO())
    call_command("add_target", *arguments, stdout=output, **options)
    return output.getvalue()


def rows() -> set[tuple[str, str]]:
    return set(NotificationTarget.objects.values_list("name", "notification_module_name"))


def test_a_target_is_made_once_with_the_name_that_its_handler_suggests() -> None:
    before = rows()
    assert add("locker") == "Made target 'Parcel lockers' with handler 'locker'.\n"
    assert rows() - before == {("Parcel lockers", "locker")}
    assert "is there already" in add("locker")
    assert "is there already" in add("locker", "--name", "Parcel lockers")
    assert len(rows()) == len(before) + 1


def test_a_target_that_was_renamed_is_found() -> None:
    NotificationTarget.objects.create(name="Boxes", notification_module_name="locker")
    assert "Target 'Boxes' with handler 'locker' is there already." in add("locker")


def test_another_name_makes_a_second_target_of_the_module() -> None:
    assert "Made target 'Loft' with handler 'loft'." in add("loft")
    assert "Made target 'North' with handler 'loft'." in add("loft", "--name", "North")


def test_targets_of_migrate_are_there_by_module_and_by_key() -> None:
    assert "Target 'Twilio' with handler 'twilio' is there already." in add("twilio")
    assert "Target 'Twilio' with handler 'twilio' is there already." in add("twilio_sms")


@pytest.mark.parametrize("typed", ["lockr", "Locker", "lcoker"])
def test_a_mistyped_name_is_asked_back(typed: str) -> None:
    with pytest.raises(CommandError, match="Did you mean 'locker'") as raised:
        add(typed)
    assert "email" in str(raised.value)


@pytest.mark.parametrize(
    ("typed", "meant"), [("Slack", "apprise"), ("whatsapp", "twilio"), ("firebase", "fcm")]
)
def test_a_target_is_known_by_what_it_sends_to(typed: str, meant: str) -> None:
    with pytest.raises(CommandError, match=f"Did you mean '{meant}'"):
        add(typed)


def test_a_new_target_comes_with_its_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = StringIO()
    add("webhook", stderr=errors)
    assert errors.getvalue() == "See docs/howto/target_webhook.rst\n"
    monkeypatch.setitem(sys.modules, "apprise", None)  # as if it were not installed
    # What another test has imported stands in sys.modules, and in the package.
    monkeypatch.delattr(f"{HANDLERS}.apprise.sending", raising=False)
    monkeypatch.delitem(sys.modules, f"{HANDLERS}.apprise.sending", raising=False)
    monkeypatch.delitem(sys.modules, f"{HANDLERS}.apprise.client", raising=False)
    assert "Made target 'Apprise'" in add("apprise", stderr=errors)
    assert "pip install 'django-notification-system[apprise]'" in errors.getvalue()


def test_an_unknown_name_lists_the_handlers() -> None:
    with pytest.raises(CommandError, match=r"There is no handler 'zzz'\. The handlers are: "):
        add("zzz")


@pytest.mark.parametrize(
    "name", ["Email", "A name of more than fifteen", "red\x1b[31m"], ids=["taken", "long", "odd"]
)
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    before = rows()
    with pytest.raises(CommandError):
        add("locker", "--name", name)
    assert rows() == before


def test_nothing_is_said_at_verbosity_0() -> None:
    assert add("locker", verbosity=0) == ""
