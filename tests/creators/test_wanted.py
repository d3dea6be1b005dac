"""Nothing is created for people who do not want a category, and for suppressed addresses."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_notification_system import notify, notify_addresses
from django_notification_system.categories import Category, known_categories
from django_notification_system.exceptions import (
    NotificationsNotCreated,
    UserHasNoTargetRecords,
    UserIsOptedOut,
)
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    Preference,
    TargetUserRecord,
)
from django_notification_system.notification_creators import email as email_creator
from django_notification_system.preferences import allows, set_preference, suppress
from tests.support.preference_rule import CATEGORIES, PLACES, WORDS, is_allowed

pytestmark = pytest.mark.django_db

NEWS = Category("news", label="News", targets=("email",))
CLUB = Category("club", label="The club", opt_in=True)
SECURITY = Category("security", label="Security", mandatory=True)


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(NEWS, CLUB, SECURITY):
        yield


def no(user: Any, category: str = "", target_key: str = "") -> None:
    set_preference(user, category, target_key, wanted=False, how="page")


def reached() -> set[str]:
    rows = Notification.objects.values_list("target_user_record__target__name", flat=True)
    return set(rows)


def test_only_the_wanted_targets_get_a_notification(
    user: Any, records: dict[str, TargetUserRecord]
) -> None:
    assert notify(user, "June", "…", category="news") == 1
    assert reached() == {"Email"}
    set_preference(user, "news", "expo", wanted=True, how="page")
    no(user, "news", "email")
    assert notify(user, "July", "…", category="news") == 1
    assert reached() == {"Email", "Expo"}


def test_a_mandatory_category_reaches_those_who_opted_out(
    user: Any, records: dict[str, TargetUserRecord]
) -> None:
    NotificationOptOut.objects.create(user=user)
    no(user, "", "expo")
    assert notify(user, "Your password", "…", category="security") == 3
    with pytest.raises(UserIsOptedOut, match="wants no notifications"):
        notify(user, "June", "…", category="news")


def test_the_error_says_what_the_user_does_not_want(user: Any, email: TargetUserRecord) -> None:
    no(user, "news", "email")
    with pytest.raises(UserIsOptedOut) as raised:
        notify(user, "June", "…", category="news", target="Email")
    assert str(raised.value) == (
        "No notification was created for 'egg': opted out of news by email."
        " preferences.effective(user) says what a user wants."
    )
    with pytest.raises(UserIsOptedOut, match="not agreed to club by email"):
        email_creator.create_notification(user=user, title="Club", body="…", category="club")
    assert notify(user, "June", "…", category="news", target="Email", quiet=True) == 0
    assert not Notification.objects.exists()


def test_the_error_says_that_the_address_is_suppressed(user: Any, email: TargetUserRecord) -> None:
    suppress("email", "EGGS@example.com", reason="bounce")
    with pytest.raises(UserHasNoTargetRecords, match="for 'egg': suppressed: bounce"):
        notify(user, "Reset", "…", category="security", target="Email")
    assert notify(user, "Plain", "…", target="Email") == 1


def test_a_suppression_for_another_category_or_target_does_no_harm(
    user: Any, email: TargetUserRecord
) -> None:
    suppress("email", "eggs@example.com", reason="unsubscribed", category="club")
    suppress("twilio_sms", "eggs@example.com", reason="stop")
    assert notify(user, "June", "…", category="news", target="Email") == 1


def test_of_many_users_those_are_counted_who_want_nothing(
    user: Any, email: TargetUserRecord
) -> None:
    ham = get_user_model().objects.create_user("ham")
    rye = get_user_model().objects.create_user("rye")
    no(user, "news")
    NotificationOptOut.objects.create(user=ham)
    with pytest.raises(UserIsOptedOut, match="All 2 users have opted out or do not want the cat"):
        notify([user, ham], "June", "…", category="news")
    with pytest.raises(NotificationsNotCreated, match="Of 3 users 2 have opted out and the others"):
        notify([user, ham, rye], "June", "…", category="news")


def test_a_projects_creator_is_asked_only_for_those_who_want(
    user: Any, email: TargetUserRecord, settings: Any, tmp_path: Any
) -> None:
    (tmp_path / "email.py").write_text(
        "from django_notification_system.notification_creators.email import create_notification\n"
        "asked = []\n"
        "def _create(create, user, **arguments):\n"
        "    asked.append(user.username)\n"
        "    create(user=user, **arguments)\n"
        "import functools\n"
        "create_notification = functools.partial(_create, create_notification)\n"
    )
    settings.NOTIFICATION_SYSTEM_CREATORS = [tmp_path]
    ham = get_user_model().objects.create_user("ham")
    target = email.target
    TargetUserRecord.objects.create(user=ham, target=target, target_user_id="ham@example.com")
    no(user, "news")
    for chosen in ("Email", None):
        assert notify([user, ham], f"June {chosen}", "…", category="news", target=chosen) == 1
    names = Notification.objects.values_list("target_user_record__user__username", flat=True)
    assert set(names) == {"ham"}
    NotificationOptOut.objects.create(user=ham)
    assert notify([ham], "Reset", "…", category="security", target="Email") == 1


def test_addresses_without_a_user_decide_nothing_and_may_be_suppressed() -> None:
    arguments: dict[str, Any] = {"target": "Email", "category": "club"}
    assert notify_addresses("ann@example.com", "Club", "…", **arguments) == 1
    suppress("email", "ANN@example.com", reason="complaint")
    assert notify_addresses(["ann@example.com", "bo@example.com"], "May", "…", **arguments) == 1
    with pytest.raises(NotificationsNotCreated, match="suppressed: complaint"):
        notify_addresses("ann@example.com", "June", "…", **arguments)
    assert notify_addresses("ann@example.com", "Plain", "…", target="Email") == 1


@pytest.mark.parametrize("category", CATEGORIES, ids=repr)
def test_the_database_agrees_with_the_rules_model_over_all_words(category: Category) -> None:
    """A person for each combination of words; ``notify()`` reaches those whom the model allows."""
    target = NotificationTarget.objects.get(name="Email")
    people, allowed = [], set()
    for number, words in enumerate(product(WORDS, repeat=len(PLACES))):
        person = get_user_model().objects.create_user(f"person-{number}")
        states = {
            place: word for place, word in zip(PLACES, words, strict=True) if word is not None
        }
        Preference.objects.bulk_create(
            Preference(user=person, category=key, target_key=place, state=word)
            for (key, place), word in states.items()
        )
        TargetUserRecord.objects.create(
            user=person, target=target, target_user_id=f"{number}@example.com"
        )
        people.append(person)
        if is_allowed(category, states, False):
            allowed.add(person.pk)
    with known_categories(category):
        notify(people, "June", "…", category="news", target="Email", quiet=True)
        assert {person.pk for person in people if allows(person, "news", "email")} == allowed
    got = Notification.objects.values_list("target_user_record__user", flat=True)
    assert set(got) == allowed
