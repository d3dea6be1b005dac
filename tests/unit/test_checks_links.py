"""The check of links to unsubscribe: a link that leads nowhere is worse than none."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.core.checks import run_checks
from django.urls import include, path

from django_notification_system.categories import Category, known_categories
from tests.support.preferences_support import serve_preferences

PAGES = path("n/", include("django_notification_system.preferences.urls"))


@pytest.fixture(autouse=True)
def urls(settings: Any) -> Iterator[None]:
    serve_preferences(settings)
    with known_categories(Category("news", label="News")):
        yield


def serve(settings: Any, *patterns: Any) -> None:
    module = ModuleType("urls_of_check")
    vars(module)["urlpatterns"] = list(patterns)
    settings.ROOT_URLCONF = module


def said() -> list[str]:
    messages = [each for each in run_checks() if each.id == "django_notification_system.E019"]
    return [f"{each.msg} {each.hint}" for each in messages]


def test_pages_that_are_served_are_right() -> None:
    assert said() == []


def test_pages_that_are_not_served_are_named(settings: Any) -> None:
    serve(settings)
    [message] = said()
    assert "are not among the project's URLs" in message
    assert 'include("django_notification_system.preferences.urls")' in message
    assert "docs/howto/unsubscribe.rst" in message


@pytest.mark.parametrize("prefix_default", [True, False])
def test_pages_in_a_language_of_their_own_are_named(settings: Any, prefix_default: bool) -> None:
    serve(settings, *i18n_patterns(PAGES, prefix_default_language=prefix_default))
    [message] = said()
    assert "i18n_patterns()" in message


def test_http_is_for_development(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"BASE_URL": "http://127.0.0.1:8000"}
    [message] = said()
    assert "begins with http://" in message
    settings.DEBUG = True
    assert said() == []


def test_without_base_url_or_one_click_nothing_is_asked(settings: Any) -> None:
    serve(settings)
    with known_categories(Category("security", label="Security", mandatory=True)):
        assert said() == []
    settings.NOTIFICATION_SYSTEM = {}
    assert said() == []


@pytest.mark.parametrize(
    "value",
    [
        "www.example.com",
        "https://",
        "https://a.example/shop",
        "https://a.example?a=b",
        "https://bücher.example",  # the header would be encoded, and no button shown
        5,
    ],
)
def test_a_base_url_that_is_none_is_named_once(value: Any, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"BASE_URL": value}
    messages = [each.msg for each in run_checks() if "BASE_URL" in each.msg]
    assert len(messages) == 1
    assert "must be the site's scheme and host" in messages[0]


@pytest.mark.parametrize("value", ["no address", "@", "u@bücher.example", 5])
def test_an_address_for_unsubscriptions_must_be_one(value: Any, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM |= {"UNSUBSCRIBE_MAILTO": value}
    [message] = [each.msg for each in run_checks() if "UNSUBSCRIBE_MAILTO" in each.msg]
    assert "must be an email address in ASCII, or None" in message


# --- A project's own email handler -----------------------------------------------------------

OWN_HANDLERS = {
    "def send_notification(notification): ...": True,
    "from django_notification_system.notification_handlers.email import deliver": False,
    "from django_notification_system.notification_handlers import email": False,
    "def deliver(notifications):\n"
    "    from django_notification_system.notification_handlers.email import list_headers": False,
}


@pytest.mark.parametrize(("source", "is_warned"), OWN_HANDLERS.items())
def test_an_own_email_handler_without_the_headers_is_noticed(
    source: str, is_warned: bool, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "email.py").write_text(source)
    (tmp_path / "pigeon.py").write_text("def send_notification(notification): ...")
    settings.NOTIFICATION_SYSTEM_HANDLERS = [tmp_path]
    warnings = [each for each in run_checks() if each.id == "django_notification_system.W008"]
    assert [str(tmp_path / "email.py") in each.msg for each in warnings] == [True] * is_warned

    with known_categories(Category("news", label="News", one_click=False)):
        assert not [each for each in run_checks() if each.id == "django_notification_system.W008"]
