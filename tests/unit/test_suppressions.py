"""Suppressed addresses: hashed with a key, the same in all spellings, and lifted with reason."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from django_notification_system.categories import Category, known_categories
from django_notification_system.checks import check_settings, check_suppression_key
from django_notification_system.exceptions import InvalidPreference
from django_notification_system.models import (
    ConsentLog,
    Notification,
    NotificationTarget,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.models.address import comparable
from django_notification_system.notification_handlers.email import comparable_address
from django_notification_system.preferences import suppress, unsuppress
from django_notification_system.preferences.addresses import address_hash
from django_notification_system.preferences.suppressions import lift
from django_notification_system.signals import address_suppressed
from tests.conftest import MakeDue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(
        Category("news", label="News"),
        Category("orders", label="Orders"),
        Category("security", label="Security", mandatory=True),
    ):
        yield


# --- The hash -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "spellings"),
    [
        (
            "email",
            [
                "eggs@example.com",
                " Eggs@Example.COM\u200e",
                "Eggs Benedict <eggs@example.com>",
                "eggs@example.com.",
            ],
        ),
        ("email", ["zo\u00eb@example.com", "zoe\u0308@example.com", "ZO\u00cb@example.com"]),
        ("email", ["e@b\u00fccher.example", "e@xn--bcher-kva.example"]),
        ("twilio_sms", ["+4915112345678", "+49 151 123-456.78", "0049 (151) 12345678"]),
        ("twilio_sms", ["whatsapp:+4915112345678", "WhatsApp:+49 151 12345678"]),
        ("expo", ["ExponentPushToken[eggs]", " ExponentPushToken[eggs]\n"]),
    ],
)
def test_all_spellings_of_an_address_have_one_hash(key: str, spellings: list[str]) -> None:
    assert len({address_hash(key, spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("key", "addresses"),
    [
        ("email", ["eggs@example.com", "egg@example.com", "eggs+1@example.com"]),
        ("twilio_sms", ["+4915112345678", "whatsapp:+4915112345678", "015112345678"]),
        ("expo", ["ExponentPushToken[eggs]", "ExponentPushToken[Eggs]"]),
        ("pigeon", ["north tower", "North tower"]),
    ],
)
def test_different_addresses_have_different_hashes(key: str, addresses: list[str]) -> None:
    assert len({address_hash(key, address) for address in addresses}) == len(addresses)


def test_the_hash_depends_on_target_and_key(settings: Any) -> None:
    first = address_hash("email", "+4915112345678")
    assert len(first) == 64
    assert first != address_hash("twilio_sms", "+4915112345678")
    settings.SECRET_KEY = "rotated"
    assert first != address_hash("email", "+4915112345678")
    settings.NOTIFICATION_SYSTEM = {"SUPPRESSION_KEY": "a key of its own"}
    kept = address_hash("email", "+4915112345678")
    settings.SECRET_KEY = "rotated again"
    assert kept == address_hash("email", "+4915112345678")


def test_the_project_may_have_a_secret_key_of_bytes(settings: Any) -> None:
    """Django's documentation allows both, https://docs.djangoproject.com/en/stable/ref/settings/"""
    settings.SECRET_KEY = "key"
    of_text = address_hash("email", "eggs@example.com")
    settings.SECRET_KEY = b"key"
    assert address_hash("email", "eggs@example.com") == of_text


@pytest.mark.parametrize("address", ["eggs\x00@example.com", "eggs\ud800@example.com"])
def test_an_address_that_no_database_stores_is_refused(address: str) -> None:
    for change in (
        lambda: suppress("email", address, reason="manual"),
        lambda: unsuppress("email", address),
    ):
        with pytest.raises(InvalidPreference, match=r"^address (has|is no valid) ") as error:
            change()
        assert error.value.argument == "address"
    with pytest.raises(InvalidPreference, match=r"^note (has|is no valid) ") as error:
        suppress("email", "eggs@example.com", reason="manual", note=address)
    assert error.value.argument == "note"


@given(
    st.from_regex(
        r"[A-Za-z0-9._%+-]{1,9}@[A-Za-z0-9-]{1,9}(\.[A-Za-z0-9-]{1,9}){0,2}", fullmatch=True
    )
)
def test_the_fast_way_to_compare_is_the_long_way(address: str) -> None:
    assert comparable_address(address) == comparable(address)


# --- Suppressing ----------------------------------------------------------------------------


@pytest.fixture
def made(email: TargetUserRecord, make_due: MakeDue) -> dict[str, Notification]:
    later = timezone.now() + timedelta(hours=1)
    return {
        category or "plain": make_due(
            email, title=f"about {category}", category=category, scheduled_delivery=later
        )
        for category in ("news", "orders", "security", "")
    }


def statuses(made: dict[str, Notification]) -> dict[str, str]:
    rows = dict(Notification.objects.values_list("pk", "status"))
    return {name: rows[notification.pk] for name, notification in made.items()}


def test_a_suppression_ends_what_waits_mandatory_too(made: dict[str, Notification]) -> None:
    row = suppress("email", " EGGS@example.com", reason="bounce", note="550 5.1.1")
    assert (row.address, row.reason, row.note, row.category) == (
        "EGGS@example.com",
        "bounce",
        "550 5.1.1",
        "",
    )
    assert statuses(made) == {
        "news": "INACTIVE DEVICE",
        "orders": "INACTIVE DEVICE",
        "security": "INACTIVE DEVICE",
        "plain": "SCHEDULED",  # without a category everything is as ever
    }
    response = Notification.objects.get(pk=made["news"].pk).response
    assert response == "Not sent: the address is suppressed: bounce."


def test_a_suppression_for_a_category_ends_the_category_alone(
    made: dict[str, Notification],
) -> None:
    target = NotificationTarget.objects.get(name="Email")
    suppress(target, "eggs@example.com", reason="unsubscribed", category="news")
    assert statuses(made) == {
        "news": "OPTED OUT",
        "orders": "SCHEDULED",
        "security": "SCHEDULED",
        "plain": "SCHEDULED",
    }


def test_another_address_is_left_alone(made: dict[str, Notification]) -> None:
    suppress("email", "eggs@example.co", reason="bounce")
    suppress("twilio_sms", "+15005550006", reason="stop")
    assert set(statuses(made).values()) == {"SCHEDULED"}


def test_lifting_schedules_what_is_not_due_yet(
    made: dict[str, Notification], email: TargetUserRecord, make_due: MakeDue
) -> None:
    due = make_due(email, title="due", category="news")
    suppress("email", "eggs@example.com", reason="bounce")
    assert unsuppress("email", "Eggs@example.com") is True
    assert set(statuses(made).values()) == {"SCHEDULED"}
    due.refresh_from_db()
    assert due.status == "INACTIVE DEVICE"
    assert not Suppression.objects.exists()
    assert unsuppress("email", "eggs@example.com") is False


def test_lifting_wakes_nothing_that_ended_for_another_reason(
    made: dict[str, Notification],
) -> None:
    Notification.objects.filter(pk=made["orders"].pk).update(
        status="INACTIVE DEVICE", response="Not sent: the record is inactive."
    )
    suppress("email", "eggs@example.com", reason="bounce")
    unsuppress("email", "eggs@example.com")
    assert statuses(made)["orders"] == "INACTIVE DEVICE"


def test_start_lifts_a_stop_and_never_a_bounce() -> None:
    suppress("twilio_sms", "+15005550006", reason="stop")
    assert unsuppress("twilio_sms", "+15005550006", reason="stop")
    suppress("twilio_sms", "+15005550006", reason="stop")
    suppress("twilio_sms", "+15005550006", reason="bounce")
    assert not unsuppress("twilio_sms", "+15005550006", reason="stop")
    assert Suppression.objects.get().reason == "bounce"
    suppress("twilio_sms", "+15005550006", reason="stop")
    assert Suppression.objects.get().reason == "bounce"


def test_suppressions_are_logged_by_the_hash() -> None:
    suppress("email", "eggs@example.com", reason="complaint", category="news")
    suppress("email", "eggs@example.com", reason="complaint", category="news")
    unsuppress("email", "eggs@example.com", category="news")
    entries = ConsentLog.objects.order_by("id").values_list(
        "address_hash", "category", "before", "after", "how", "wording"
    )
    hashed = address_hash("email", "eggs@example.com")
    assert list(entries) == [
        (hashed, "news", "", "no", "provider", "complaint"),
        (hashed, "news", "no", "", "provider", "complaint"),
    ]


def test_the_log_names_the_person_who_acts(user: Any) -> None:
    suppression = suppress("email", "eggs@example.com", reason="bounce", by=user)
    assert lift(suppression, by=user)
    assert not lift(suppression, by=user)
    entries = ConsentLog.objects.order_by("id").values_list("after", "how", "wording", "by")
    assert list(entries) == [("no", "admin", "bounce", user.pk), ("", "admin", "bounce", user.pk)]


def test_a_row_is_lifted_whatever_has_gone_since(
    made: dict[str, Notification], settings: Any
) -> None:
    suppression = suppress("email", "eggs@example.com", reason="bounce", category="news")
    settings.NOTIFICATION_SYSTEM = {"SUPPRESSION_KEY": "another key since"}
    with known_categories():
        assert lift(suppression)
    assert not Suppression.objects.exists()
    erased = suppress("twilio_sms", "+4915112345678", reason="stop")
    Suppression.objects.update(address="")
    erased.refresh_from_db()
    with CaptureQueriesContext(connection) as queries:
        assert lift(erased)
    # Every record would begin with no address.
    assert not [each for each in queries if "target_user_record" in each["sql"]]
    assert not Suppression.objects.exists()


def test_a_hash_goes_on_suppressing_when_the_address_is_erased() -> None:
    suppress("email", "eggs@example.com", reason="bounce")
    Suppression.objects.update(address="")
    assert suppress("email", "eggs@example.com", reason="manual").address == ""
    assert Suppression.objects.count() == 1
    assert unsuppress("email", "eggs@example.com")


def test_the_signal_comes_after_the_commit(django_capture_on_commit_callbacks: Any) -> None:
    heard: list[Any] = []

    def receive(suppression: Any, **details: Any) -> None:
        heard.append(suppression.reason)

    address_suppressed.connect(receive)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            suppress("email", "eggs@example.com", reason="bounce")
            assert heard == []
    finally:
        address_suppressed.disconnect(receive)
    assert heard == ["bounce"]


@pytest.mark.parametrize(
    ("values", "argument", "complaint"),
    [
        ({"reason": "dislike"}, "reason", "'dislike'. Known are: bounce, complaint"),
        ({"address": " "}, "address", "address is empty"),
        ({"address": None}, "address", "address is empty, or no text"),
        ({"address": "x" * 255}, "address", "has 255 characters"),
        ({"note": "x" * 201}, "note", "has 201 characters; at most 200"),
        ({"target_key": "Email"}, "target", "'Email', and no target has this key"),
        ({"category": "nwes"}, "category", "no such category"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(
    values: dict[str, Any], argument: str, complaint: str
) -> None:
    arguments: dict[str, Any] = {
        "target_key": "email",
        "address": "eggs@example.com",
        "reason": "bounce",
        **values,
    }
    with pytest.raises(InvalidPreference, match=complaint) as raised:
        suppress(**arguments)
    assert raised.value.argument == argument
    assert not Suppression.objects.exists()


# --- The check ------------------------------------------------------------------------------


def test_a_check_warns_while_the_key_is_not_set(settings: Any) -> None:
    assert check_suppression_key(databases=["default"]) == []
    suppress("email", "eggs@example.com", reason="bounce")
    [message] = check_suppression_key(databases=["default"])
    assert message.id == "django_notification_system.W007"
    assert "NOTIFICATION_SYSTEM['SUPPRESSION_KEY'] is not set" in message.msg
    settings.NOTIFICATION_SYSTEM = {"SUPPRESSION_KEY": "sixteen letters!"}
    assert check_suppression_key(databases=["default"]) == []


def test_the_check_asks_no_database_unasked(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert check_suppression_key() == []


@pytest.mark.parametrize("key", ["short", 7, b"sixteen letters!!"])
def test_a_wrong_key_is_an_error_and_not_shown(settings: Any, key: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"SUPPRESSION_KEY": key}
    [message] = check_settings()
    assert message.id == "django_notification_system.E003"
    assert "'SUPPRESSION_KEY'] must be a text of at least 16 characters" in message.msg
    assert repr(key) not in str(message)
