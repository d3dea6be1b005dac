"""Texts that people send to the project's number, through Django's whole handling of a request."""

import logging
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.categories import Category, known_categories
from django_notification_system.contrib.twilio import text_message_received
from django_notification_system.models import (
    ConsentLog,
    Notification,
    NotificationTarget,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.preferences import suppress
from django_notification_system.testing.providers import ProviderStandIn
from tests.support.deadlocks import deadlock
from tests.support.runs import in_real_transactions
from tests.support.twilio_callbacks import post, serve
from tests.support.twilio_support import configure

PATH = "/twilio/incoming/"
ADDRESS = f"http://testserver{PATH}"
NUMBER = "+15005550010"


@pytest.fixture(autouse=True)
def urls(settings: Any, providers: ProviderStandIn) -> None:
    serve(settings)


@pytest.fixture
def record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    record = records["Twilio"]
    record.target_user_id = NUMBER
    record.save()
    return record


@pytest.fixture
def received() -> Any:
    texts: list[dict[str, Any]] = []

    def receive(**named: Any) -> None:
        texts.append(named)

    text_message_received.connect(receive)
    yield texts
    text_message_received.disconnect(receive)


def say(body: str, *, number: str = NUMBER, **more: Any) -> Any:
    options = {name: more.pop(name) for name in ("token", "signature", "address") if name in more}
    form = {"MessageSid": "SM1", "From": number, "To": "+15005550006", "Body": body, **more}
    options.setdefault("address", ADDRESS)
    return post(list(form.items()), at=PATH, **options)


def is_off(record: TargetUserRecord) -> str:
    record.refresh_from_db()
    return "" if record.active else record.inactive_reason or "by hand"


@pytest.mark.parametrize(
    "body",
    [
        "STOP",
        "stop",
        " Stop\n",
        "STOPALL",
        "Unsubscribe",
        "end",
        "QUIT",
        "revoke",
        "OptOut",
        "cancel",
        "STOP\u200b",
        "\uff33\uff34\uff2f\uff30",  # full-width letters
    ],
)
def test_a_word_for_stop_ends_all_messages_to_the_number(
    body: str, record: TargetUserRecord, received: list[Any]
) -> None:
    answer = say(body)

    assert answer.status_code == 200
    assert answer.content == b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
    assert answer["Content-Type"].startswith("text/xml")
    assert not answer.cookies
    assert is_off(record) == "STOP"
    suppression = Suppression.objects.get()
    assert (suppression.target_key, suppression.reason) == ("twilio_sms", "stop")
    entry = ConsentLog.objects.get()
    assert (entry.after, entry.how) == ("no", ConsentLog.How.TEXT_MESSAGE)
    assert received == []


def test_the_records_of_all_users_with_the_number_are_switched_off(
    record: TargetUserRecord, django_user_model: Any
) -> None:
    other = django_user_model.objects.create_user("other")
    shared = TargetUserRecord.objects.create(
        user=other, target=record.target, target_user_id=NUMBER, description="Shared"
    )
    longer = TargetUserRecord.objects.create(
        user=other, target=record.target, target_user_id=f"{NUMBER}1", description="Longer"
    )
    push = TargetUserRecord.objects.create(
        user=other,
        target=NotificationTarget.objects.get(name="Expo"),
        target_user_id=NUMBER,
        description="Another target",
    )

    say("STOP")

    assert [is_off(each) for each in (record, shared, longer, push)] == ["STOP", "STOP", "", ""]


def test_a_keyword_of_the_projects_own_counts_by_its_kind(
    record: TargetUserRecord, received: list[Any]
) -> None:
    say("Arrêt", OptOutType="STOP")
    assert is_off(record) == "STOP"

    say("Encore", OptOutType="START")
    assert is_off(record) == ""

    say("Aide", OptOutType="HELP")
    assert received == []


@pytest.mark.parametrize("body", ["START", " unstop ", "Yes"])
def test_start_brings_back_what_stop_has_ended(body: str, record: TargetUserRecord) -> None:
    with known_categories(Category("news", label="News")):
        in_an_hour = timezone.now() + timedelta(hours=1)
        notify(record.user, "June", target="Twilio", category="news", scheduled_delivery=in_an_hour)
        say("STOP")
        held = Notification.objects.get()
        assert held.status == Notification.OPTED_OUT

        say(body)

    held.refresh_from_db()
    assert (is_off(record), held.status) == ("", Notification.SCHEDULED)
    assert not Suppression.objects.exists()
    assert list(ConsentLog.objects.order_by("pk").values_list("before", "after")) == [
        ("", "no"),
        ("no", ""),
    ]


@pytest.mark.parametrize("reason", ["", "bounce", "refused"])
def test_start_brings_back_nothing_else(reason: str, record: TargetUserRecord) -> None:
    TargetUserRecord.objects.update(active=False, inactive_reason=reason)
    suppress("twilio_sms", NUMBER, reason="bounce")

    say("STOP")
    say("START")

    assert is_off(record) == (reason or "by hand")
    assert Suppression.objects.get().reason == "bounce"


def test_start_brings_back_what_twilio_refused_because_of_an_earlier_stop(
    record: TargetUserRecord,
) -> None:
    TargetUserRecord.objects.update(active=False, inactive_reason="opted out")
    say("START")
    assert is_off(record) == ""


def test_after_stop_nothing_is_sent_with_or_without_a_category(
    record: TargetUserRecord, providers: ProviderStandIn
) -> None:
    with known_categories(Category("news", label="News")):
        notify(record.user, "June", target="Twilio", category="news")
        notify(record.user, "Hello", target="Twilio")
        say("STOP")
        call_command("process_notifications", verbosity=0)

    assert providers.received == []
    statuses = Notification.objects.order_by("title").values_list("title", "status")
    assert dict(statuses) == {"June": "OPTED OUT", "Hello": "INACTIVE DEVICE"}


def test_stop_twice_is_one_suppression_and_one_entry(record: TargetUserRecord) -> None:
    say("STOP")
    say("STOP")
    assert (Suppression.objects.count(), ConsentLog.objects.count()) == (1, 1)


@pytest.mark.parametrize("body", ["Stop texting me", "stop!", "", "OK, yes", "start now"])
def test_another_text_is_passed_on_and_nothing_is_stored(
    body: str, record: TargetUserRecord, received: list[Any]
) -> None:
    assert say(body).status_code == 200

    (text,) = received
    assert (text["address"], text["to"], text["body"]) == (NUMBER, "+15005550006", body)
    assert (text["message_id"], text["form"]["From"]) == ("SM1", NUMBER)
    assert (is_off(record), Suppression.objects.count()) == ("", 0)


def test_an_error_in_a_receiver_is_no_error_of_the_view(record: TargetUserRecord) -> None:
    def fail(**named: Any) -> None:
        raise RuntimeError("planted")

    text_message_received.connect(fail)
    try:
        assert say("Hello").status_code == 200
    finally:
        text_message_received.disconnect(fail)


@pytest.mark.parametrize(
    "options", [{"token": "another"}, {"signature": ""}, {"signature": "AAAA"}]
)
def test_a_text_that_twilio_has_not_signed_changes_nothing(
    options: dict[str, str], record: TargetUserRecord, received: list[Any]
) -> None:
    assert say("STOP", **options).status_code == 403
    assert say("Hello", **options).status_code == 403
    assert (is_off(record), Suppression.objects.count(), received) == ("", 0, [])


def test_a_text_behind_a_proxy_counts_by_the_host_of_callback_url(
    record: TargetUserRecord, settings: Any
) -> None:
    configure(settings, callback_url="https://www.example.com/twilio/status/#rc=3")
    assert say("STOP", address=f"https://www.example.org{PATH}").status_code == 403
    assert say("STOP", address=f"https://www.example.com{PATH}").status_code == 200
    assert is_off(record) == "STOP"


def test_a_text_without_a_number_says_so(record: TargetUserRecord) -> None:
    answer = say("STOP", number="")
    assert (answer.status_code, answer.content) == (400, b"From is missing.")
    answer = say("STOP", number="+1" * 200)
    assert answer.status_code == 400
    assert b"address has 400 characters" in answer.content


def test_a_redirected_site_leaves_peoples_records_alone(
    record: TargetUserRecord, settings: Any, received: list[Any]
) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"twilio_sms": "+15005550099"}}
    assert say("STOP").status_code == 200
    assert (is_off(record), Suppression.objects.count(), received) == ("", 0, [])


def test_get_is_refused(client: Any, db: None) -> None:
    assert client.get(PATH).status_code == 405


def test_number_and_text_stay_out_of_the_log(
    record: TargetUserRecord, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="django_notification_system"):
        say("STOP")
        say("a planted secret")
    assert NUMBER not in caplog.text
    assert "planted" not in caplog.text
    assert "Records switched off: 1." in caplog.text


@pytest.mark.parametrize("is_atomic", [False, True])
@in_real_transactions
def test_a_stop_that_meets_a_deadlock_is_heeded(
    record: TargetUserRecord, is_atomic: bool, monkeypatch: Any
) -> None:
    """Twilio tells of a text once."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", is_atomic)
    is_first = iter([True])

    def suppress_or_fail(*args: Any, **named: Any) -> None:
        suppress(*args, **named)
        if next(is_first, False):
            raise deadlock()

    # The package exports the view under the module's name.
    module = import_module("django_notification_system.contrib.twilio.incoming")
    monkeypatch.setattr(module, "suppress", suppress_or_fail)
    assert say("STOP").status_code == 200
    assert is_off(record) == "STOP"
    assert Suppression.objects.count() == 1


def test_a_site_that_wants_a_login_everywhere_hears_of_stop(
    record: TargetUserRecord, settings: Any
) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert say("STOP").status_code == 200
    assert is_off(record) == "STOP"
