"""Error pages and error mails of Django, which show settings, have no secret of a target's."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import RequestFactory
from django.views import debug
from django.views.debug import ExceptionReporter

from django_notification_system.checks import check_error_pages
from django_notification_system.error_pages import FILTER

TARGETS = {
    "apprise": {"urls": {"ops": "slack://planted/B1/secret/#ops"}, "connections": 3},
    "twilio_sms": {"auth_token": "planted", "base_url": "https://egg:planted@twilio.example.com"},
    "fcm": {"credentials": {"private_key": "planted", "client_email": "shop@example.com"}},
    "webpush": {"vapid_private_key": "planted", "subject": "mailto:egg@example.com"},
}


#: Django keeps the first filter.
kept: Any = debug.get_default_exception_reporter_filter


@pytest.fixture(autouse=True)
def no_filter_is_kept() -> Iterator[None]:
    yield
    kept.cache_clear()


def error_mail() -> str:
    kept.cache_clear()
    try:
        raise ValueError("Boo")
    except ValueError:
        return ExceptionReporter(RequestFactory().get("/"), *sys.exc_info()).get_traceback_text()


def warnings() -> list[Any]:
    checks = run_checks(include_deployment_checks=True)
    return [each for each in checks if each.id == "django_notification_system.W010"]


def test_an_error_mail_has_no_secret_of_a_target(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = TARGETS
    assert "planted" in error_mail()  # as Django has it
    settings.DEFAULT_EXCEPTION_REPORTER_FILTER = FILTER
    said = error_mail()
    assert "planted" not in said
    assert "'connections': 3" in said  # other values stay
    assert "mailto:egg@example.com" in said


def test_deployment_checks_tell_of_secrets_that_django_shows(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = TARGETS
    [found] = warnings()
    assert "['apprise']['urls']" in found.msg
    assert "['twilio_sms']['base_url']" in found.msg
    assert not any(name in found.msg for name in ("auth_token", "credentials", "vapid", "planted"))
    assert FILTER in found.hint
    settings.DEFAULT_EXCEPTION_REPORTER_FILTER = FILTER
    assert warnings() == []


def test_a_filter_that_is_none_is_told(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = TARGETS
    settings.DEFAULT_EXCEPTION_REPORTER_FILTER = "no.such.Filter"
    [message] = check_error_pages()
    assert (
        message.msg == "DEFAULT_EXCEPTION_REPORTER_FILTER cannot be checked: ModuleNotFoundError."
    )


@pytest.mark.parametrize("odd", [None, 17, {"apprise": None, 4: {"urls": 1}}])
def test_odd_settings_are_shown_as_they_are(settings: Any, odd: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = odd
    settings.DEFAULT_EXCEPTION_REPORTER_FILTER = FILTER
    assert repr(odd) in error_mail()
    assert warnings() == []
