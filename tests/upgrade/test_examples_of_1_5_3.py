"""What the documentation of release 1.5.3 told people to write goes on working.

See ``examples_of_1_5_3/README.md``. The examples' slips have consequences, which are asserted as
they are.
"""

import logging
import runpy
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.exceptions import (
    NotificationsNotCreated,
    UserHasNoTargetRecords,
    UserIsOptedOut,
)
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.modules import BUILT_IN_HANDLERS, find_module
from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn

EXAMPLES = Path(__file__).parent / "examples_of_1_5_3"


def run_example(name: str) -> None:
    runpy.run_path(str(EXAMPLES / name))


# Creating


def test_creating_a_record(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example takes it that the user model has a phone number."""
    monkeypatch.setattr(type(user), "phone_number", "+15005550006", raising=False)
    run_example("create_record.py")
    record = TargetUserRecord.objects.get()
    assert record.user == user
    assert record.target.name == "Twilio"
    assert record.target_user_id == "+15005550006"
    assert record.description == "Eggs Benedict's Twilio"
    assert record.active


def test_creating_an_opt_out(user: Any, records: Any) -> None:
    notify(user, "Hello", "World")
    run_example("create_opt_out.py")
    assert NotificationOptOut.objects.get().user == user
    assert set(Notification.objects.values_list("status", flat=True)) == {"OPTED OUT"}


def test_creating_a_notification(user: Any, records: dict[str, TargetUserRecord]) -> None:
    run_example("create_notification.py")
    notification = Notification.objects.get()
    assert notification.target_user_record == records["Email"]
    assert notification.title == "Good morning, Eggs"
    assert notification.extra == {}
    assert notification.retry_time_interval == 0
    assert notification.retry_attempts == 0
    assert notification.max_retries == 3


def test_creating_a_notification_for_every_target(user: Any, records: Any) -> None:
    run_example("create_for_every_target.py")
    assert Notification.objects.due().count() == 3


@pytest.fixture
def templates(settings: Any) -> None:
    """The folder in which the template of the email example is."""
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [EXAMPLES / "templates"],
        }
    ]


def test_creating_an_email_with_a_template(
    records: dict[str, TargetUserRecord], templates: None
) -> None:
    run_example("create_email.py")
    notification = Notification.objects.get()
    assert notification.target_user_record == records["Email"]
    assert notification.title == "Cool Email"
    assert notification.retry_time_interval == 1440
    assert notification.extra == {
        "date": "12-07-2020",
        "template_name": "templates/eggs_email.html",
    }


@pytest.mark.parametrize(
    ("name", "target_name", "minutes", "body"),
    [
        ("create_expo.py", "Expo", 60, "Test push notification"),
        ("create_twilio.py", "Twilio", 1440, "Test sms notification"),
    ],
)
def test_creating_other_messages(
    name: str,
    target_name: str,
    minutes: int,
    body: str,
    records: dict[str, TargetUserRecord],
) -> None:
    run_example(name)
    notification = Notification.objects.get()
    assert notification.target_user_record == records[target_name]
    assert (notification.title, notification.body) == ("Hello Eggs", body)
    assert notification.retry_time_interval == minutes


# Sending


def assert_all_delivered(count: int) -> None:
    assert Notification.objects.filter(status="DELIVERED").count() == count
    for notification in Notification.objects.all():
        assert notification.attempted_delivery is not None
        assert abs(timezone.now() - notification.attempted_delivery) < timedelta(minutes=1)


def test_sending_an_email_with_a_template(
    records: Any, templates: None, mail_server: SmtpStandIn
) -> None:
    run_example("create_email.py")
    run_example("send_email.py")
    [mail] = mail_server.received
    assert mail["Subject"] == "Cool Email"
    assert mail.envelope_to == ["eggs@example.com"]
    assert mail.html.strip() == "<p>Hello Eggs, breakfast is on 12-07-2020.</p>"
    assert mail.text.strip() == "Hello Eggs, breakfast is on 12-07-2020."
    assert_all_delivered(1)


def test_sending_a_push_notification(records: Any, providers: ProviderStandIn) -> None:
    run_example("create_expo.py")
    run_example("send_expo.py")
    assert len(providers.received) == 1
    assert_all_delivered(1)


def test_sending_a_text_message(records: Any, providers: ProviderStandIn) -> None:
    run_example("create_twilio.py")
    run_example("send_twilio.py")
    assert len(providers.received) == 1
    assert_all_delivered(1)


def test_sending_in_a_loop_sends_only_what_is_due_and_only_once(
    user: Any, records: Any, mail_server: SmtpStandIn
) -> None:
    notify(user, "Now", "World", target="Email")
    notify(user, "Now", "too", target="Email")
    later = timezone.now() + timedelta(hours=1)
    notify(user, "Later", "World", target="Email", scheduled_delivery=later)
    run_example("send_email.py")
    run_example("send_email.py")
    assert [mail["Subject"] for mail in mail_server.received] == ["Now", "Now"]
    assert Notification.objects.get(title="Later").status == Notification.SCHEDULED


def test_sending_with_the_command(
    records: Any,
    mail_server: SmtpStandIn,
    providers: ProviderStandIn,
    process: Callable[..., str],
) -> None:
    run_example("create_for_every_target.py")
    printed = process()
    for response in (
        "SMS Successfully sent!",
        "Email Successfully Sent",
        "Notification Successfully Pushed!",
    ):
        assert response in printed
    assert_all_delivered(3)


# A target of the project's own


@pytest.fixture
def pigeon(user: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[TargetUserRecord]:
    """The target that the example makes, and Eggs Benedict's pigeon."""
    settings.NOTIFICATION_SYSTEM_CREATORS = [str(EXAMPLES / "creators")]
    settings.NOTIFICATION_SYSTEM_HANDLERS = [str(EXAMPLES / "handlers")]
    monkeypatch.syspath_prepend(EXAMPLES / "sdk")
    before = set(sys.modules)
    target = NotificationTarget.objects.create(
        name="Carrier Pigeon", notification_module_name="carrier_pigeon"
    )
    yield TargetUserRecord.objects.create(
        user=user, target=target, target_user_id="north tower", description="Walter"
    )
    for name in set(sys.modules) - before:
        if "pigeon" in name:
            del sys.modules[name]


@pytest.fixture
def handler(pigeon: TargetUserRecord, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The handler with the two names that it does not define itself."""
    found = find_module("carrier_pigeon", "NOTIFICATION_SYSTEM_HANDLERS", BUILT_IN_HANDLERS)
    assert found is not None
    monkeypatch.setattr(found.module, "test", "", raising=False)
    monkeypatch.setattr(found.module, "extra", {}, raising=False)
    return found.module


def test_their_creator_creates(user: Any, pigeon: TargetUserRecord) -> None:
    assert notify(user, "Coo", "Coo coo", target="Carrier Pigeon") == 1
    notification = Notification.objects.get()
    assert notification.target_user_record == pigeon
    assert notification.retry_time_interval == 60
    assert notification.extra == {}


def test_their_creator_says_why_it_does_not(user: Any, pigeon: TargetUserRecord) -> None:
    arguments: dict[str, Any] = {"target": "Carrier Pigeon", "scheduled_delivery": timezone.now()}
    notify(user, "Coo", "Coo coo", **arguments)
    with pytest.raises(NotificationsNotCreated):
        notify(user, "Coo", "Coo coo", **arguments)
    TargetUserRecord.objects.update(active=False)
    with pytest.raises(UserHasNoTargetRecords):
        notify(user, "Coo", "Coo coo", **arguments)
    NotificationOptOut.objects.create(user=user, active=True)
    with pytest.raises(UserIsOptedOut):
        notify(user, "Coo", "Coo coo", **arguments)
    assert notify(user, "Coo", "Coo coo", **arguments, quiet=True) == 0


def test_their_creator_does_not_create_again_what_a_retry_has_moved(
    user: Any, pigeon: TargetUserRecord
) -> None:
    arguments: dict[str, Any] = {"target": "Carrier Pigeon", "scheduled_delivery": timezone.now()}
    notify(user, "Coo", "Coo coo", **arguments)
    Notification.objects.update(scheduled_delivery=timezone.now() + timedelta(hours=1))
    with pytest.raises(NotificationsNotCreated):
        notify(user, "Coo", "Coo coo", **arguments)
    assert Notification.objects.count() == 1


def test_their_handler_misses_a_name_and_is_tried_again(
    user: Any,
    pigeon: TargetUserRecord,
    process: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As it stands in the documentation it cannot send; each block says why."""
    notify(user, "Coo", "Coo coo", target="Carrier Pigeon")
    with caplog.at_level(logging.CRITICAL, "django_notification_system"):
        printed = process()
    assert "NameError: name 'test' is not defined" in printed
    notification = Notification.objects.get()
    assert (notification.status, notification.retry_attempts) == (Notification.RETRY, 1)


def test_their_handler_sends_and_does_not_say_so(
    user: Any, handler: ModuleType, process: Callable[..., str]
) -> None:
    """Nobody can know, so it is tried again: at least once, and in this case more often."""
    import carrior_pigeon_sdk  # type: ignore[import-not-found] # on sys.path for this test

    notify(user, "Coo", "Coo coo", target="Carrier Pigeon")
    printed = process()
    assert "returned nothing and saved no status, so nobody can know" in printed
    [message] = carrior_pigeon_sdk.flown
    assert (message["recipient"], message["title"], message["body"]) == (
        "north tower",
        "Coo",
        "Coo coo",
    )
    assert not message["talking_pigeon"]
    notification = Notification.objects.get()
    assert (notification.status, notification.retry_attempts) == (Notification.RETRY, 1)
    assert notification.attempted_delivery is not None


def test_their_handler_may_be_told_to_send_at_most_once(
    user: Any, settings: Any, handler: ModuleType, process: Callable[..., str]
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"carrier_pigeon": {"when_unknown": "fail"}}
    notify(user, "Coo", "Coo coo", target="Carrier Pigeon")
    process()
    assert Notification.objects.get().status == Notification.DELIVERY_FAILURE


def test_their_handler_gives_up(
    user: Any,
    pigeon: TargetUserRecord,
    handler: ModuleType,
    process: Callable[..., str],
) -> None:
    TargetUserRecord.objects.filter(pk=pigeon.pk).update(target_user_id="dead end")
    notify(user, "Coo", "Coo coo", target="Carrier Pigeon")
    printed = process()
    notification = Notification.objects.get()
    assert notification.status == Notification.DELIVERY_FAILURE
    assert notification.attempted_delivery is not None
    assert notification.response
    assert notification.response in printed


def test_their_handler_tries_again(
    user: Any,
    pigeon: TargetUserRecord,
    handler: ModuleType,
    process: Callable[..., str],
) -> None:
    TargetUserRecord.objects.filter(pk=pigeon.pk).update(target_user_id="lost valley")
    notify(user, "Coo", "Coo coo", target="Carrier Pigeon", retry_time_interval=90)
    printed = process()
    notification = Notification.objects.get()
    assert notification.status == Notification.RETRY
    assert notification.response in printed
    wait = notification.scheduled_delivery - timezone.now()
    assert timedelta(minutes=89) < wait <= timedelta(minutes=90)
    Notification.objects.update(scheduled_delivery=timezone.now(), retry_attempts=3)
    process()
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERY_FAILURE
