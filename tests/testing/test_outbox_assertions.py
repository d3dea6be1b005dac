"""The assertions for the tests of projects, and what they say when they fail."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.categories import Category, known_categories
from django_notification_system.exceptions import NotificationSystemError
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.preferences import set_preference, suppress
from django_notification_system.testing import (
    Outbox,
    assert_not_notified,
    assert_notified,
    use_outbox,
)
from tests.conftest import MakeDue

Records = dict[str, TargetUserRecord]


@pytest.fixture
def ham(django_user_model: Any, records: Records) -> Any:
    """Another user, who has an email address."""
    user = django_user_model.objects.create_user("ham", "ham@example.com")
    TargetUserRecord.objects.create(
        user=user, target=records["Email"].target, target_user_id="ham@example.com"
    )
    return user


def failure_of(assertion: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(AssertionError) as failed:
        assertion(*arguments, **options)
    return str(failed.value)


def test_assertions_hold_where_they_should(outbox: Outbox, ham: Any, user: Any) -> None:
    notify(user, "Breakfast is ready", "Come while it is hot.")
    notify(ham, "Lunch", "It is ready.")
    assert_not_notified(user)
    outbox.deliver()

    assert len(assert_notified(user)) == 3
    assert_notified(user, count=3)
    [message] = assert_notified(user, target="email", recipient="eggs@example.com", count=1)
    assert message is outbox["email"][0]
    assert_notified(user, title="Breakfast is ready", body=re.compile("hot"), target="Twilio")
    assert_notified(user, count=0, title="Breakfast")
    assert_not_notified(user, title="Breakfast")
    assert_not_notified(user, title=re.compile("Lunch"))
    assert_not_notified(ham, target="Expo")
    assert_not_notified(user, recipient="ham@example.com")
    assert_not_notified(user, body="Come while it is hot")


@pytest.mark.parametrize(
    "wanted",
    [
        {"target": "Expo"},
        {"recipient": "eggs@example.com"},
        {"title": "Breakfast"},
        {"title": re.compile("^unch")},
        {"body": "It"},
        {"count": 2},
        {"count": 0},
    ],
)
def test_assertions_fail_where_they_should(outbox: Outbox, ham: Any, wanted: Any) -> None:
    notify(ham, "Lunch", "It is ready.")
    outbox.deliver()
    assert_notified(ham)
    failure_of(assert_notified, ham, **wanted)


def test_a_failure_says_what_went_out_and_what_did_not(
    outbox: Outbox, records: Records, ham: Any, make_due: MakeDue
) -> None:
    user = records["Email"].user
    make_due(records["Email"], title="Breakfast")
    make_due(records["Twilio"], title="Breakfast")
    notify(ham, "Lunch", "It is ready.", target="Email")
    outbox.fail_next("Twilio", "No such number.", deactivate_record=True)
    outbox.deliver()
    make_due(records["Email"], title="Dinner")
    late = datetime(2999, 1, 1, tzinfo=UTC)
    make_due(records["Email"], title="Supper", scheduled_delivery=late)

    said = failure_of(assert_notified, user, target="Email", title="Brunch")

    assert said == (
        "egg was not notified (target='Email', title='Brunch').\n"
        "Went out to egg:\n"
        "  Email to eggs@example.com: 'Breakfast'\n"
        "Created for egg, and not delivered:\n"
        "  Twilio to +15005550006: 'Breakfast' is INACTIVE DEVICE. No such number.\n"
        "  Email to eggs@example.com: 'Dinner' is SCHEDULED."
        " It is due: call deliver() or process_notifications.\n"
        "  Email to eggs@example.com: 'Supper' is SCHEDULED. It is due at 2999-01-01"
        " 00:00:00+00:00: deliver(at=...) delivers what is due later.\n"
        "egg can be reached at:\n"
        "  Email: eggs@example.com\n"
        "  Expo: ExponentPushToken[eggs-benedict]\n"
        "  Twilio: +15005550006 (switched off)\n"
        "Went out to others:\n"
        "  Email to ham@example.com: 'Lunch'"
    )


def test_a_failure_says_that_there_is_nothing(outbox: Outbox, user: Any) -> None:
    assert failure_of(assert_notified, user, title=re.compile("Br.*")) == (
        "egg was not notified (title matching 'Br.*').\n"
        "Went out to egg: nothing.\n"
        "Created for egg, and not delivered: nothing.\n"
        "egg can be reached at: nothing.\n"
        "Went out to others: nothing."
    )


def test_a_failure_says_how_often(outbox: Outbox, ham: Any) -> None:
    notify(ham, "Lunch", "It is ready.")
    outbox.deliver()
    assert failure_of(assert_notified, ham, count=2).startswith(
        "ham was notified once and not 2 times.\nWent out to ham:\n  Email to ham@"
    )
    assert failure_of(assert_not_notified, ham).startswith("ham was notified once.\nWent out")


def test_a_failure_says_what_keeps_a_notification(
    outbox: Outbox, records: Records, make_due: MakeDue
) -> None:
    user = records["Email"].user
    fax = NotificationTarget.objects.create(name="Fax", notification_module_name="fax")
    make_due(TargetUserRecord.objects.create(user=user, target=fax, target_user_id="1"))
    NotificationTarget.objects.filter(name="Expo").update(
        paused_until=timezone.now() + timedelta(hours=1), pause_reason="Out of order."
    )
    make_due(records["Expo"])
    make_due(records["Email"], retry_time_interval=60)
    outbox.retry_next("email", "Come back later.")

    for _ in range(2):  # once without a run, where the target itself is asked
        said = failure_of(assert_notified, user, target="Fax")
        assert "is SCHEDULED. No handler for target 'Fax'" in said
        assert "is SCHEDULED. Target 'Expo' is paused until" in said
        assert "Out of order." in said
        outbox.deliver()

    assert "'Test notification' is RETRY. It is due at" in said
    assert said.count("The last attempt: Come back later.") == 1


def test_a_failure_says_that_the_user_has_opted_out(
    outbox: Outbox, email: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(email)
    NotificationOptOut.objects.create(user=email.user, active=True)
    outbox.deliver()
    said = failure_of(assert_notified, email.user)
    assert "'Test notification' is OPTED OUT." in said
    assert "Email: eggs@example.com (the user has opted out)" in said


def test_a_failure_says_what_the_user_does_not_want(
    outbox: Outbox, records: Records, user: Any
) -> None:
    with known_categories(
        Category("news", label="News"),
        Category("club", label="The club", opt_in=True),
        Category("security", label="Security", mandatory=True),
    ):
        set_preference(user, "news", "email", wanted=False, how="page")
        suppress("expo", "ExponentPushToken[eggs-benedict]", reason="bounce", category="news")
        assert notify(user, "June", "…", category="news", target=["Email", "Expo"], quiet=True) == 0
        said = failure_of(assert_notified, user)
    assert (
        "Email: eggs@example.com (opted out of news by email) (not agreed to club by email)\n"
        in said
    )
    assert (
        "Expo: ExponentPushToken[eggs-benedict] (suppressed: bounce, for news)"
        " (not agreed to club by expo)\n" in said
    )
    assert "Twilio: +15005550006 (not agreed to club by twilio_sms)" in said


def test_a_failure_of_many_is_short(outbox: Outbox, ham: Any) -> None:
    notify(ham, "Lunch", "It is ready.", target="Email")
    for number in range(30):
        notify(ham, f"Lunch {number}", "It is ready.", target="Email")
    outbox.deliver()
    said = failure_of(assert_notified, ham, title="Dinner")
    assert "  and 11 more\n" in said
    assert len(said.splitlines()) < 30


def test_a_misspelt_target_fails_either_way(outbox: Outbox, user: Any) -> None:
    for assertion in (assert_notified, assert_not_notified):
        with pytest.raises(NotificationSystemError, match="There is no target 'emial'"):
            assertion(user, target="emial")


def test_assertions_need_an_outbox(user: Any) -> None:
    with pytest.raises(RuntimeError, match=r"Wrap the test in use_outbox\(\)"):
        assert_not_notified(user)


def test_an_outbox_that_has_ended_can_still_be_asked(ham: Any) -> None:
    notify(ham, "Lunch", "It is ready.")
    with use_outbox() as outbox:
        outbox.deliver()
    assert_notified(ham, outbox=outbox)
    assert Notification.objects.get().status == "DELIVERED"
