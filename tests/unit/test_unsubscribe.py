"""The page behind a link to unsubscribe: what changes something, what changes nothing."""

import re
from types import ModuleType
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import translation

from django_notification_system import notify_addresses
from django_notification_system.categories import Category, known_categories
from django_notification_system.models import (
    ConsentLog,
    NotificationOptOut,
    NotificationTarget,
    Preference,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.preferences import allows, change, set_preference
from django_notification_system.preferences.links import (
    APP_NAME,
    preferences_token,
    preferences_url,
    read_unsubscribe_token,
    unsubscribe_token,
    unsubscribe_url,
)
from tests.support.deadlocks import deadlock
from tests.support.preferences_support import BASE_URL, serve_preferences
from tests.support.runs import in_real_transactions

NEWS = Category("news", label="Newsletter <3", description="Once a month.")
ORDERS = Category("orders", label="Orders")
SECURITY = Category("security", label="Security", mandatory=True)
ACTIONS = ("unsubscribe", "undo", "all", "undo-all")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(autouse=True)
def urls(settings: Any) -> Any:
    serve_preferences(settings)
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    settings.SESSION_SAVE_EVERY_REQUEST = True
    with known_categories(NEWS, ORDERS, SECURITY):
        yield


@pytest.fixture
def visitor() -> Client:
    """Somebody without login and cookies; forged forms are refused where Django looks."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    return records["Email"]


@pytest.fixture
def stranger(record: TargetUserRecord) -> TargetUserRecord:
    """A person without an account."""
    return TargetUserRecord.objects.create(
        target=record.target, target_user_id="ann.lee@example.org", description="Given"
    )


def address(record: TargetUserRecord, category: str = "news") -> str:
    return unsubscribe_url(record, category).removeprefix(BASE_URL)


def state() -> list[tuple[str, str, str]]:
    return list(Preference.objects.values_list("category", "target_key", "state"))


def test_fetching_the_link_changes_nothing(visitor: Client, record: TargetUserRecord) -> None:
    for _ in range(3):
        page = visitor.get(address(record))
        assert page.status_code == 200
        assert visitor.head(address(record)).status_code == 200

    assert (state(), ConsentLog.objects.count()) == ([], 0)
    assert "Newsletter &lt;3" in page.text
    assert "Once a month." in page.text
    assert record.target_user_id not in page.text
    assert page["Referrer-Policy"] == "no-referrer"
    assert page["Cache-Control"] == "private, no-store"
    assert page["X-Robots-Tag"] == "noindex"
    assert page["X-Frame-Options"] == "DENY"
    assert not page.cookies


@pytest.mark.parametrize("multipart", [False, True])
def test_one_click_ends_the_category_at_once(
    visitor: Client, record: TargetUserRecord, multipart: bool
) -> None:
    options: dict[str, Any] = (
        {"data": ONE_CLICK}
        if multipart
        else {
            "data": "List-Unsubscribe=One-Click",
            "content_type": "application/x-www-form-urlencoded",
        }
    )
    answer = visitor.post(address(record), **options)

    assert (answer.status_code, answer.text) == (200, "Unsubscribed.")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert not answer.has_header("Location")
    assert not answer.cookies
    assert state() == [("news", "email", "no")]
    assert ConsentLog.objects.get().how == ConsentLog.How.ONE_CLICK
    assert not allows(record.user, "news", "email")
    assert allows(record.user, "orders", "email")


def test_one_click_twice_is_one_entry(visitor: Client, record: TargetUserRecord) -> None:
    visitor.post(address(record), ONE_CLICK)
    visitor.post(address(record), ONE_CLICK)
    assert ConsentLog.objects.count() == 1


def test_the_page_ends_and_brings_back_the_category(
    visitor: Client, record: TargetUserRecord
) -> None:
    done = visitor.post(address(record), {"action": "unsubscribe"})
    assert "You are unsubscribed" in done.text
    assert state() == [("news", "email", "no")]

    back = visitor.post(address(record), {"action": "undo"})
    assert "You are subscribed again" in back.text
    assert state() == [("news", "email", "yes")]
    assert allows(record.user, "news", "email")
    hows = ConsentLog.objects.order_by("pk").values_list("how", flat=True)
    assert list(hows) == ["link", "link"]


def test_undo_brings_the_category_back_despite_a_no_in_all_targets(
    visitor: Client, record: TargetUserRecord
) -> None:
    set_preference(record.user, "news", wanted=False, how="page")
    visitor.post(address(record), {"action": "unsubscribe"})

    back = visitor.post(address(record), {"action": "undo"})
    assert "You are subscribed again" in back.text
    assert allows(record.user, "news", "email")
    assert not allows(record.user, "news", "twilio_sms")


def test_everything_ends_and_comes_back(visitor: Client, record: TargetUserRecord) -> None:
    page = visitor.post(address(record), {"action": "all"})
    assert "from everything" in page.text
    assert NotificationOptOut.objects.get().active
    assert not allows(record.user, "orders", "email")
    assert allows(record.user, "security", "email")

    visitor.post(address(record), {"action": "undo-all"})
    assert not NotificationOptOut.objects.get().active
    assert allows(record.user, "orders", "email")


def test_an_address_without_an_account_is_suppressed(
    visitor: Client, stranger: TargetUserRecord
) -> None:
    visitor.post(address(stranger), ONE_CLICK)
    suppression = Suppression.objects.get()
    assert (suppression.category, suppression.reason) == ("news", "unsubscribed")
    assert ConsentLog.objects.get().how == ConsentLog.How.ONE_CLICK

    page = visitor.post(address(stranger), {"action": "undo"})
    assert "a…@example.org" in page.text
    assert not Suppression.objects.exists()

    visitor.post(address(stranger), {"action": "all"})
    assert Suppression.objects.get().category == ""
    visitor.post(address(stranger), {"action": "undo-all"})
    assert not Suppression.objects.exists()


def test_an_unknown_action_changes_nothing(visitor: Client, record: TargetUserRecord) -> None:
    assert visitor.post(address(record), {"action": "delete"}).status_code == 400
    assert state() == []


@pytest.mark.parametrize("place", [0, 21, 22, 25, 30, -1])
def test_a_changed_token_is_not_found_and_asks_the_database_nothing(
    visitor: Client,
    record: TargetUserRecord,
    place: int,
    django_assert_num_queries: Any,
) -> None:
    token = unsubscribe_token(record.pk, "news")
    place %= len(token)
    other = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]

    with django_assert_num_queries(0):
        for method in (visitor.get, visitor.post):
            assert method(f"/n/u/{other}/").status_code == 404


@pytest.mark.parametrize("token", ["a", ".", "a.b", "ü", "%00", "A" * 5000, f"{'A' * 22}news."])
def test_a_token_of_nobody_is_not_found(visitor: Client, token: str) -> None:
    assert visitor.get(f"/n/u/{token}/").status_code == 404


def test_a_token_of_another_page_is_not_found(visitor: Client, record: TargetUserRecord) -> None:
    assert visitor.post(f"/n/u/{preferences_token(record.pk)}/").status_code == 404
    assert state() == []


@pytest.mark.parametrize("category", ["security", "gone"])
def test_what_nobody_can_switch_off_is_not_found(
    visitor: Client, record: TargetUserRecord, category: str
) -> None:
    assert visitor.get(address(record, category)).status_code == 404


def test_the_link_of_a_deleted_record_says_that_nothing_was_changed(
    visitor: Client, record: TargetUserRecord
) -> None:
    """The user may have another record by now, or the address a new one: messages may come."""
    link = address(record)
    TargetUserRecord.objects.all().delete()

    answer = visitor.post(link, ONE_CLICK)
    assert (answer.status_code, answer["Content-Type"]) == (410, "text/plain; charset=utf-8")
    assert "unsubscribed" not in answer.text.lower()
    for page in (visitor.get(link), *(visitor.post(link, {"action": each}) for each in ACTIONS)):
        assert page.status_code == 410
        assert "Nothing was changed" in page.text
        assert "<form" not in page.text
        assert f'href="{reverse(f"{APP_NAME}:preferences")}"' in page.text
    assert state() == []
    assert "nichts geändert" in visitor.get(link, headers={"Accept-Language": "de"}).text


def test_an_address_that_was_purged_is_not_told_what_does_not_hold(
    visitor: Client, stranger: TargetUserRecord
) -> None:
    link = address(stranger)
    stranger.delete()
    visitor.post(link, ONE_CLICK)
    sent = notify_addresses(
        stranger.target_user_id, "News", "Hello", target="Email", category="news"
    )
    assert sent == 1
    assert visitor.post(link, ONE_CLICK).status_code == 410


def test_links_outlive_a_new_secret_key(
    visitor: Client, record: TargetUserRecord, settings: Any
) -> None:
    link, old = address(record), settings.SECRET_KEY
    settings.SECRET_KEY = "another key, made later and long enough"
    assert visitor.get(link).status_code == 404

    settings.SECRET_KEY_FALLBACKS = [old]
    assert visitor.post(link, ONE_CLICK).status_code == 200
    assert state() == [("news", "email", "no")]


def test_a_login_is_no_credential(
    client: Client, record: TargetUserRecord, django_user_model: Any
) -> None:
    client.force_login(django_user_model.objects.create_user("other"))
    client.post(address(record), ONE_CLICK)
    assert Preference.objects.get().user == record.user


def test_a_token_names_the_record_and_the_category() -> None:
    record = TargetUserRecord()
    token = unsubscribe_token(record.pk, "news.of-the_day")
    subject = read_unsubscribe_token(token)
    assert subject is not None
    assert (subject.record_id, subject.category) == (record.pk, "news.of-the_day")
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)


@pytest.mark.parametrize("setting", [{}, {"BASE_URL": None}])
def test_without_a_base_url_there_is_no_link(
    setting: dict[str, Any], record: TargetUserRecord, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = setting
    assert unsubscribe_url(record, "news") == ""


def test_without_the_urls_there_is_no_link(record: TargetUserRecord, settings: Any) -> None:
    settings.ROOT_URLCONF = ModuleType("no_urls")
    vars(settings.ROOT_URLCONF)["urlpatterns"] = []
    assert unsubscribe_url(record, "news") == ""


def test_the_page_speaks_the_readers_language(visitor: Client, record: TargetUserRecord) -> None:
    with translation.override(None):
        page = visitor.get(address(record), headers={"accept-language": "de"})
    assert "abbestellen" in page.text.lower()
    assert '<html lang="de"' in page.text


def test_another_target_is_named_by_its_own_key(
    visitor: Client, records: dict[str, TargetUserRecord]
) -> None:
    visitor.post(address(records["Expo"]), ONE_CLICK)
    assert state() == [("news", "expo", "no")]
    assert NotificationTarget.objects.count() == 3


@pytest.mark.parametrize("is_atomic", [False, True])
@in_real_transactions
def test_a_word_that_meets_a_deadlock_is_heeded(
    visitor: Client, record: TargetUserRecord, is_atomic: bool, monkeypatch: Any
) -> None:
    """A mail program posts once."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", is_atomic)
    is_first = iter([True])
    log = change._Word.log

    def log_or_fail(word: Any, before: str) -> None:
        log(word, before)
        if next(is_first, False):
            raise deadlock()

    monkeypatch.setattr(change._Word, "log", log_or_fail)
    assert visitor.post(address(record), ONE_CLICK).status_code == 200
    assert state() == [("news", "email", "no")]
    assert ConsentLog.objects.count() == 1


@pytest.mark.parametrize("way", ["link", "page"])
def test_nothing_at_all_without_an_account_stops_messages_without_a_category_too(
    visitor: Client, stranger: TargetUserRecord, way: str
) -> None:
    link = address(stranger)
    page = preferences_url(stranger).removeprefix(BASE_URL)

    def send() -> int:
        return notify_addresses(
            stranger.target_user_id, "June", "Hello", target="Email", quiet=True
        )

    assert send() == 1
    if way == "link":
        visitor.post(link, {"action": "all"})
    else:
        visitor.post(page, {"initial-everything": "on"})
    off = list(TargetUserRecord.objects.filter(user=None).values_list("active", "inactive_reason"))
    assert off == [(False, "unsubscribed")] * len(off)
    assert send() == 0

    if way == "link":
        visitor.post(link, {"action": "undo-all"})
    else:
        visitor.post(page, {"everything": "on"})
    assert send() == 1
    assert not Suppression.objects.exists()


def test_a_record_off_for_another_reason_stays_off(
    visitor: Client, stranger: TargetUserRecord
) -> None:
    TargetUserRecord.objects.filter(pk=stranger.pk).update(active=False, inactive_reason="bounce")
    for action in ("all", "undo-all"):
        visitor.post(address(stranger), {"action": action})
    stranger.refresh_from_db()
    assert (stranger.active, stranger.inactive_reason) == (False, "bounce")


def test_a_site_that_wants_a_login_everywhere_heeds_the_link(
    visitor: Client, record: TargetUserRecord, settings: Any
) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert visitor.post(address(record), ONE_CLICK).status_code == 200
    page = preferences_url(record).removeprefix(BASE_URL)
    assert visitor.get(page).status_code == 200
