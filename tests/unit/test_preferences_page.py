"""The page of preferences, by login and by a link: what is shown, stored, and left alone."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from django_notification_system.categories import Category, known_categories
from django_notification_system.models import (
    ConsentLog,
    NotificationOptOut,
    NotificationTarget,
    Preference,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.preferences import allows, set_preference, suppress
from django_notification_system.preferences.links import (
    preferences_token,
    preferences_url,
    unsubscribe_token,
)
from tests.support.preferences_support import BASE_URL, serve_preferences

NEWS = Category("news", label="Newsletter <3", targets=("email",), description="Once a month.")
ORDERS = Category("orders", label="Orders", opt_in=("twilio_sms",))
CLUB = Category("club", label="Club", opt_in=True, confirm=True)
LETTERS = Category("letters", label="Letters", opt_in=True)
SECURITY = Category("security", label="Security", mandatory=True)
PAGE = "/n/preferences/"


@pytest.fixture(autouse=True)
def urls(settings: Any) -> Iterator[None]:
    serve_preferences(settings)
    settings.LOGIN_URL = "/login/"
    with known_categories(NEWS, ORDERS, CLUB, SECURITY):
        yield


@pytest.fixture
def record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    records["Expo"].active = False
    records["Expo"].save()
    return records["Email"]


@pytest.fixture
def login(client: Client, record: TargetUserRecord) -> Client:
    client.force_login(record.user)
    return client


@pytest.fixture
def visitor() -> Client:
    return Client(enforce_csrf_checks=True)


def link(record: TargetUserRecord) -> str:
    return preferences_url(record).removeprefix(BASE_URL)


def boxes(page: Any) -> dict[str, bool]:
    """Return the checkboxes of a page, and whether each is checked."""
    found = re.findall(r"<input[^>]*type=\"checkbox\"[^>]*>", page.text)
    named = {}
    for each in found:
        if name := re.search(r'name="([^"]+)"', each):
            named[name[1]] = " checked" in each
    return named


def change(client: Client, path: str, **changes: bool) -> Any:
    """Fetch the page, change some boxes, and post the form as a browser does."""
    page = client.get(path)
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    shown = {**boxes(page), **{name.replace("__", ":"): on for name, on in changes.items()}}
    form |= {name: "on" for name, is_on in shown.items() if is_on}
    return client.post(path, form)


def words() -> set[tuple[str, str, str]]:
    return set(Preference.objects.values_list("category", "target_key", "state"))


def test_the_page_wants_a_login(client: Client, record: TargetUserRecord) -> None:
    answer = client.get(PAGE)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={PAGE}")


@pytest.mark.usefixtures("without_inbox")
def test_the_page_shows_what_holds(login: Client) -> None:
    page = login.get(PAGE)
    assert boxes(page) == {
        "news:email": True,
        "news:twilio_sms": False,
        "orders:email": True,
        "orders:twilio_sms": False,
        "club:email": False,
        "club:twilio_sms": False,
        ":email": True,
        ":twilio_sms": True,
        "everything": True,
    }
    assert "Newsletter &lt;3" in page.text
    assert "You always get these messages" in page.text
    assert page.text.count("<fieldset>") == 5


def test_looking_changes_nothing(login: Client) -> None:
    login.get(PAGE)
    login.head(PAGE)
    assert (words(), ConsentLog.objects.count()) == (set(), 0)


def test_only_the_changed_boxes_are_stored(login: Client, record: TargetUserRecord) -> None:
    answer = change(login, PAGE, news__email=False, orders__twilio_sms=True)

    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}?saved")
    assert words() == {("news", "email", "no"), ("orders", "twilio_sms", "yes")}
    assert set(ConsentLog.objects.values_list("how", flat=True)) == {"page"}
    page = login.get(answer["Location"])
    assert 'role="status"' in page.text
    assert boxes(page)["news:email"] is False


def test_a_word_from_elsewhere_that_came_meanwhile_stays(
    login: Client, record: TargetUserRecord
) -> None:
    page = login.get(PAGE)
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    form |= {name: "on" for name, is_on in boxes(page).items() if is_on}
    set_preference(record.user, "news", "email", wanted=False, how="one-click")

    login.post(PAGE, {**form, "orders:twilio_sms": "on"})

    assert words() == {("news", "email", "no"), ("orders", "twilio_sms", "yes")}


def test_everything_and_a_target_are_switched_off_and_on(
    login: Client, record: TargetUserRecord
) -> None:
    change(login, PAGE, everything=False, __email=False)
    assert NotificationOptOut.objects.get().active
    assert words() == {("", "email", "no")}
    page = login.get(PAGE)
    assert (boxes(page)["everything"], boxes(page)[":email"]) == (False, False)
    assert boxes(page)["news:email"] is True  # as chosen, for when the switches are on again

    change(login, PAGE, everything=True, __email=True)
    assert not NotificationOptOut.objects.get().active
    assert allows(record.user, "news", "email")


def test_a_yes_in_one_target_does_not_undo_a_no_in_the_others(
    login: Client, record: TargetUserRecord
) -> None:
    set_preference(record.user, "orders", wanted=False, how="code")
    change(login, PAGE, orders__email=True)

    assert allows(record.user, "orders", "email")
    assert not allows(record.user, "orders", "twilio_sms")
    assert not allows(record.user, "orders", "expo")


def test_a_yes_that_must_be_confirmed_says_so(login: Client, record: TargetUserRecord) -> None:
    change(login, PAGE, club__email=True)
    assert words() == {("club", "email", "pending")}
    page = login.get(PAGE)
    assert "Waits for your confirmation." in page.text
    assert boxes(page)["club:email"] is False


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone:email", "no such kind of message"),
        ("news:pigeon", "no such way to be reached"),
        ("security:email", "no such way to be reached"),
        (":pigeon", "no such way to be reached"),
    ],
)
def test_a_box_that_the_page_does_not_have_is_an_error(name: str, said: str, login: Client) -> None:
    answer = login.post(PAGE, {name: "on", "everything": "on"})
    assert answer.status_code == 200
    assert said in answer.text
    assert (words(), NotificationOptOut.objects.count()) == (set(), 0)


def test_a_forged_form_is_refused(record: TargetUserRecord, visitor: Client) -> None:
    visitor.force_login(record.user)
    assert visitor.post(PAGE, {"everything": ""}).status_code == 403


def test_a_link_opens_the_page_without_login_and_confirms(
    visitor: Client, record: TargetUserRecord
) -> None:
    page = visitor.get(link(record))
    assert page["Referrer-Policy"] == "no-referrer"
    assert page["Cache-Control"] == "private, no-store"
    assert not page.cookies

    answer = change(visitor, link(record), club__email=True, news__email=False)

    assert answer["Location"] == f"{link(record)}?saved"
    assert words() == {("club", "email", "yes"), ("news", "email", "no")}
    assert set(ConsentLog.objects.values_list("how", flat=True)) == {"link"}
    assert set(ConsentLog.objects.values_list("user", flat=True)) == {record.user_id}


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8::9", "2001:db8::9"),
        ("203.0.113.9:50122", None),  # as some platforms' proxies write
        ("fe80::9%eth0", "fe80::9"),
        ("", None),  # from a Unix socket
    ],
)
def test_a_word_counts_whatever_the_server_says_of_the_ip_address(
    told: str, kept: str | None, record: TargetUserRecord, settings: Any
) -> None:
    serve_preferences(settings, KEEP_IP=True)
    visitor = Client(REMOTE_ADDR=told)
    for path in (PAGE, link(record)):
        visitor.force_login(record.user)
        ConsentLog.objects.all()._raw_delete("default")
        Preference.objects.all().delete()
        assert change(visitor, path, club__email=True).status_code == 302
        assert ConsentLog.objects.get().ip == kept


def test_a_sites_cache_does_not_keep_the_page_of_a_link(
    visitor: Client, record: TargetUserRecord, settings: Any
) -> None:
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    key = "a site's"
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": key}
    }
    assert boxes(visitor.get(link(record)))["news:email"]

    change(visitor, link(record), news__email=False)

    assert not boxes(visitor.get(link(record)))["news:email"]
    assert not boxes(visitor.get(f"{link(record)}?saved"))["news:email"]


def test_a_link_shows_nothing_of_others(
    client: Client, record: TargetUserRecord, django_user_model: Any
) -> None:
    other = django_user_model.objects.create_user("other")
    set_preference(other, "news", "email", wanted=False, how="code")
    client.force_login(other)
    assert boxes(client.get(link(record)))["news:email"] is True
    change(client, link(record), orders__email=False)
    assert Preference.objects.get(user=record.user).category == "orders"


def test_an_address_without_an_account_has_a_page(
    visitor: Client, record: TargetUserRecord
) -> None:
    stranger = TargetUserRecord.objects.create(
        target=record.target, target_user_id="ann.lee@example.org", description="Given"
    )
    page = visitor.get(link(stranger))
    assert "a…@example.org" in page.text
    assert boxes(page) == {
        "news:email": True,
        "orders:email": True,
        "club:email": True,
        "everything": True,
    }

    change(visitor, link(stranger), news__email=False)
    suppression = Suppression.objects.get()
    assert (suppression.category, suppression.reason) == ("news", "unsubscribed")
    assert boxes(visitor.get(link(stranger)))["news:email"] is False

    change(visitor, link(stranger), news__email=True)
    assert not Suppression.objects.exists()


def test_a_page_lifts_no_bounce(visitor: Client, record: TargetUserRecord) -> None:
    stranger = TargetUserRecord.objects.create(
        target=record.target, target_user_id="ann.lee@example.org", description="Given"
    )
    suppress("email", stranger.target_user_id, reason="bounce")
    change(visitor, link(stranger), everything=True)
    assert Suppression.objects.get().reason == "bounce"


@pytest.mark.parametrize("place", [0, 21, 22, 30, -1])
def test_a_changed_token_is_not_found_and_asks_the_database_nothing(
    visitor: Client, record: TargetUserRecord, place: int, django_assert_num_queries: Any
) -> None:
    token = preferences_token(record.pk)
    place %= len(token)
    other = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
    with django_assert_num_queries(0):
        assert visitor.get(f"{PAGE}{other}/").status_code == 404
        assert visitor.post(f"{PAGE}{unsubscribe_token(record.pk, 'news')}/").status_code == 404


def test_the_link_of_a_deleted_record_is_not_found(
    visitor: Client, record: TargetUserRecord
) -> None:
    path = link(record)
    TargetUserRecord.objects.all().delete()
    assert visitor.get(path).status_code == 404


def test_the_page_asks_a_bounded_number_of_queries(
    visitor: Client, record: TargetUserRecord, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(6):
        visitor.get(link(record))


def test_the_page_speaks_german(visitor: Client, record: TargetUserRecord, settings: Any) -> None:
    settings.MIDDLEWARE = ["django.middleware.locale.LocaleMiddleware", *settings.MIDDLEWARE]
    with translation.override(None):
        page = visitor.get(link(record), headers={"accept-language": "de"})
    assert "Was Sie bekommen" in page.text


def test_a_yes_to_one_target_is_none_for_a_target_to_come(
    record: TargetUserRecord, login: Client
) -> None:
    """The no to the category everywhere is lifted; what comes later still needs a yes."""
    with known_categories(LETTERS):
        set_preference(record.user, "letters", wanted=False, how="code")
        change(login, PAGE, letters__email=True)
        assert allows(record.user, "letters", "email")
        NotificationTarget.objects.create(name="Loft", notification_module_name="loft")
        assert not allows(record.user, "letters", "loft")
        change(login, PAGE, letters__email=False)
        change(login, PAGE, letters__email=True)
        assert allows(record.user, "letters", "email")
        assert not allows(record.user, "letters", "loft")
