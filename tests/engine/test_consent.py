"""Nobody who said no is written to, however the message was queued, and when the no came."""

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from django_notification_system.categories import Category, known_categories
from django_notification_system.delivery.runs import intake
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    ConsentLog,
    Notification,
    NotificationOptOut,
    Preference,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.email import send_notification
from django_notification_system.operations.suppressions_csv import SuppressionImport
from django_notification_system.preferences import set_preference, suppress
from django_notification_system.preferences.addresses import address_hash
from django_notification_system.signals import notification_failed
from tests.conftest import MakeDue
from tests.support.handlers import loft as loft_handler

CATEGORIES = (
    Category("news", label="News", targets=("loft",)),
    Category("club", label="The club", opt_in=True),
    Category("security", label="Security", mandatory=True),
)


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(*CATEGORIES):
        yield


def run() -> dict[str, tuple[str, str]]:
    """Return status and response of every notification, by title."""
    list(Run())
    rows = Notification.objects.values_list("title", "status", "response")
    return {title: (status, response) for title, status, response in rows}


def say(user: Any, category: str, target_key: str = "", state: str = "no") -> None:
    """Store a word as an import does: what waits stays as it is."""
    row = Preference(user=user, category=category, target_key=target_key, state=state)
    Preference.objects.bulk_set([row], how="import")


def test_a_word_counts_for_its_category_alone(
    user: Any, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    for category in ("news", "club", "security", "", "gone"):
        make_due(loft, title=f"of {category}", category=category)
    say(user, "news", "loft")
    delivered = ("DELIVERED", "Cooed.")
    assert run() == {
        "of news": ("OPTED OUT", "Not sent: the user has opted out of news by loft."),
        "of club": ("OPTED OUT", "Not sent: the user has not agreed to club by loft."),
        "of security": delivered,
        "of ": delivered,
        "of gone": delivered,
    }


def test_a_category_that_is_no_key_stops_nothing(loft: TargetUserRecord, make_due: MakeDue) -> None:
    for category in ("News letter", "ÄÖ", "-", "no-key", "news"):
        make_due(loft, title=category, category=category)
    assert {status for status, _ in run().values()} == {"DELIVERED"}


def test_a_no_to_a_removed_category_still_counts(
    user: Any, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="old", category="news")
    say(user, "news")
    with known_categories():
        assert run()["old"] == ("OPTED OUT", "Not sent: the user has opted out of news.")


def test_an_opt_out_stops_all_but_mandatory_categories(
    user: Any, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    NotificationOptOut.objects.create(user=user)
    for category in ("news", "security", ""):
        make_due(loft, title=f"of {category}", category=category)
    assert run() == {
        "of news": ("OPTED OUT", "Not sent: the user has opted out."),
        "of security": ("DELIVERED", "Cooed."),
        "of ": ("OPTED OUT", "Not sent: the user has opted out."),
    }


def test_mandatory_categories_that_change_are_heeded_at_once(
    user: Any, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    """The recheck's statement is kept from slice to slice, and must not keep the categories."""
    make_many(loft, make_due, 120, category="security")
    list(Run())
    assert len(loft_handler.flown) == 120
    make_many(loft, make_due, 120, category="security", since=1000)

    def opt_out(notification: Notification) -> None:
        if len(loft_handler.flown) == 130:
            NotificationOptOut.objects.bulk_create([NotificationOptOut(user=user)])

    loft_handler.watchers.append(opt_out)
    with known_categories(Category("security", label="Security")):
        list(Run())
    assert len(loft_handler.flown) == 170  # the slice that was begun


def make_many(
    record: TargetUserRecord,
    make_due: MakeDue,
    number: int,
    *,
    category: str = "news",
    since: int = 0,
) -> None:
    for index in range(since, since + number):
        make_due(record, title=f"number {index}", category=category)


@pytest.mark.parametrize(
    ("reason", "status"),
    [("bounce", "INACTIVE DEVICE"), ("complaint", "INACTIVE DEVICE"), ("stop", "OPTED OUT")],
)
def test_nothing_goes_to_a_suppressed_address_whatever_its_spelling(
    loft: TargetUserRecord, make_due: MakeDue, reason: str, status: str
) -> None:
    suppress("loft", " north tower\u200e", reason=reason)
    for category in ("news", "security", ""):
        make_due(loft, title=f"of {category}", category=category)
    refused = (status, f"Not sent: the address is suppressed: {reason}.")
    assert run() == {
        "of news": refused,
        "of security": refused,
        "of ": ("DELIVERED", "Cooed."),
    }


def test_a_suppression_for_a_category_stops_the_category_alone(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    suppress("loft", "north tower", reason="unsubscribed", category="news")
    for category in ("news", "gone"):
        make_due(loft, title=f"of {category}", category=category)
    assert run() == {
        "of news": ("OPTED OUT", "Not sent: the address is suppressed: unsubscribed."),
        "of gone": ("DELIVERED", "Cooed."),
    }


def test_a_suppression_looks_at_the_real_address_on_a_staging_site(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"loft": "south tower"}}
    suppress("loft", "north tower", reason="bounce")
    make_due(loft, title="news", category="news")
    assert run()["news"][0] == "INACTIVE DEVICE"
    Suppression.objects.all().delete()
    suppress("loft", "south tower", reason="bounce")
    make_due(loft, title="more news", category="news")
    assert run()["more news"][0] == "DELIVERED"


def test_the_signal_says_so(
    user: Any,
    loft: TargetUserRecord,
    make_due: MakeDue,
    django_capture_on_commit_callbacks: Any,
) -> None:
    heard = []

    def receive(response: str, **details: Any) -> None:
        heard.append(response)

    notification_failed.connect(receive)
    try:
        make_due(loft, category="news")
        say(user, "news")
        with django_capture_on_commit_callbacks(execute=True):
            run()
    finally:
        notification_failed.disconnect(receive)
    assert heard == ["Not sent: the user has opted out of news."]


# --- While a batch is on its way ------------------------------------------------------------


@pytest.fixture
def others(loft: TargetUserRecord) -> list[TargetUserRecord]:
    """A hundred and fifty people, each with a record in the loft."""
    users = get_user_model().objects.bulk_create(
        get_user_model()(username=f"person-{number:03}") for number in range(150)
    )
    people = list(get_user_model().objects.filter(username__startswith="person-"))
    assert len(people) == len(users)
    return TargetUserRecord.objects.bulk_create(
        TargetUserRecord(
            user=person, target=loft.target, target_user_id=person.username, description="Loft"
        )
        for person in sorted(people, key=lambda person: person.username)
    )


def news_for(records: list[TargetUserRecord]) -> None:
    Notification.objects.bulk_create(
        Notification(
            target_user_record=record,
            title=record.target_user_id,
            category="news",
            scheduled_delivery=timezone.now() - (len(records) - place) * timedelta(seconds=1),
        )
        for place, record in enumerate(records)
    )


@pytest.mark.parametrize("how", ["set", "bulk", "opt out", "suppress", "import"])
def test_a_no_that_comes_while_the_batch_is_on_its_way_is_heeded(
    others: list[TargetUserRecord], how: str
) -> None:
    late = others[140]
    news_for(others)

    def change_mind(notification: Notification) -> None:
        if len(loft_handler.flown) != 10:
            return
        if how == "set":
            set_preference(late.user, "news", wanted=False, how="one-click")
        elif how == "bulk":
            say(late.user, "news")
        elif how == "opt out":
            NotificationOptOut.objects.bulk_create([NotificationOptOut(user=late.user)])
        elif how == "suppress":
            suppress("loft", late.target_user_id, reason="stop")
        else:
            line = {"address": late.target_user_id, "reason": "stop"}
            of_loft = SuppressionImport(using="default", target="loft")
            assert list(of_loft.run([(1, line)], pytest.fail)) == [(1, 0)]

    loft_handler.watchers.append(change_mind)
    found = run()
    assert found[late.target_user_id][0] == "OPTED OUT"
    assert len(loft_handler.flown) == 149
    assert late.target_user_id not in loft_handler.flown
    row = Notification.objects.get(title=late.target_user_id)
    assert (row.claim_token, row.claimed_until, row.attempted_delivery) == (None, None, None)


def test_a_row_that_waits_long_in_a_lane_is_asked_about_once_more(
    user: Any, loft: TargetUserRecord, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "RECHECK_AFTER_SECONDS", 0.0)
    make_many(loft, make_due, 3)

    def change_mind(notification: Notification) -> None:
        if not loft_handler.flown:
            say(user, "news")

    loft_handler.watchers.append(change_mind)
    list(Run())
    assert len(loft_handler.flown) < 3


def test_a_yes_that_comes_while_a_no_is_applied_harms_nothing(
    user: Any, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="first", category="news")
    set_preference(user, "news", wanted=False, how="page")
    set_preference(user, "news", wanted=True, how="page")
    make_due(loft, title="second", category="news")
    assert {title: status for title, (status, _) in run().items()} == {
        "first": "OPTED OUT",  # due by then: it would come too late
        "second": "DELIVERED",
    }
    assert ConsentLog.objects.count() == 2


# --- What people are told -------------------------------------------------------------------


def test_a_dry_run_says_what_a_run_would_do(
    user: Any, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="June", category="news")
    make_due(loft, title="Reset", category="security")
    say(user, "news", "loft")
    out = io.StringIO()
    call_command("process_notifications", dry_run=True, format="json", stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()][:-1]
    assert {line["category"]: line["response"] for line in lines}["news"] == (
        "Not sent: the user has opted out of news by loft."
    )
    assert "Would be sent by" in {line["category"]: line["response"] for line in lines}["security"]
    assert set(Notification.objects.values_list("status", flat=True)) == {"SCHEDULED"}


@pytest.mark.parametrize(
    ("title", "reason"), [("gone", "refused"), ("stop", "opted out"), ("other", "")]
)
def test_a_record_says_why_it_was_switched_off(
    loft: TargetUserRecord, make_due: MakeDue, title: str, reason: str
) -> None:
    make_due(loft, title=title)
    list(Run())
    loft.refresh_from_db()
    assert (loft.active, loft.inactive_reason) == (reason == "", reason)


def test_the_hash_fits_a_record_of_the_projects_own_target() -> None:
    assert address_hash("loft", "north tower") != address_hash("loft", "North tower")


@pytest.mark.parametrize("how", ["no", "suppressed", "nothing"])
def test_one_notification_outside_a_run_asks_for_words_and_suppressions(
    how: str, email: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(email, category="club")
    set_preference(email.user, "club", wanted=True, how="admin")
    if how == "no":
        say(email.user, "club")
    elif how == "suppressed":
        Suppression.objects.create(
            target_key="email",
            address_hash=address_hash("email", email.target_user_id),
            reason=Suppression.Reason.BOUNCE,
        )
    response = send_notification(notification)
    status = Notification.objects.get().status
    assert (status, bool(mail.outbox)) == {
        "no": ("OPTED OUT", False),
        "suppressed": ("INACTIVE DEVICE", False),
        "nothing": ("DELIVERED", True),
    }[how]
    assert response.startswith("Not sent: ") is (how != "nothing")
