"""The pages of the documentation that errors and system checks name."""

import pickle
import re
import traceback
from typing import Any

import pytest
from django.core import checks
from django.utils import translation

from django_notification_system import exceptions
from django_notification_system.checks import check_settings
from django_notification_system.documentation import PAGES, PAGES_OF_CHECKS, explained, see
from tests.support.places import ROOT


def classes_with_a_page() -> list[type[exceptions.NotificationSystemError]]:
    """Return the errors that a page explains."""
    found = {
        each
        for each in vars(exceptions).values()
        if isinstance(each, type) and issubclass(each, exceptions.NotificationSystemError)
    }
    return sorted((each for each in found if each.page), key=str)


def test_each_documented_check_names_a_page_that_exists() -> None:
    reference = "".join(
        (ROOT / "docs/reference" / name).read_text() for name in ("checks.rst", "metrics.rst")
    )
    documented = set(re.findall(r"``(django_notification_system\w*\.[EW]\d{3})``", reference))
    assert documented == set(PAGES_OF_CHECKS)
    for page in {*PAGES_OF_CHECKS.values(), *(each.page for each in classes_with_a_page())}:
        assert (ROOT / PAGES.format(page)).exists(), page


def test_every_page_that_the_source_names_exists() -> None:
    package = ROOT / "django_notification_system"
    source = "".join(path.read_text() for path in package.rglob("*.py"))
    named = set(re.findall(r"""see\(["']([\w/]+)["']\)""", source))
    assert named >= {"howto/custom_targets", "howto/staging"}
    assert [page for page in named if not (ROOT / PAGES.format(page)).exists()] == []


def test_a_checks_hint_ends_with_the_page(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": "many", "BATCHSIZE": 1}
    with translation.override("de"):
        hints = {message.id: message.hint for message in check_settings()}
    said = "See docs/reference/settings.rst"
    assert hints["django_notification_system.E003"] == said
    assert str(hints["django_notification_system.W001"]).endswith(f" {said}")
    assert str(hints["django_notification_system.W001"]).startswith("Did you mean")


def test_a_check_of_a_projects_own_stays_as_it_is() -> None:
    assert explained(checks.Warning("Too hot", hint="Wait.", id="kitchen.W001")).hint == "Wait."
    assert explained(checks.Warning("Too hot")).hint is None


@pytest.mark.parametrize("error_class", classes_with_a_page())
def test_a_traceback_names_the_page_and_the_text_of_the_error_does_not(
    error_class: type[exceptions.NotificationSystemError],
) -> None:
    error = error_class("Nobody there")
    for each in (error, pickle.loads(pickle.dumps(error))):  # as task engines do
        assert str(each) == "Nobody there"
        assert "".join(traceback.format_exception(each)).endswith(f"{see(each.page)}\n")
        assert each.__notes__ == [see(each.page)]
    with translation.override("de"):
        assert error_class("Niemand da").__notes__ == [f"Siehe {PAGES.format(error.page)}"]


def test_errors_without_a_page_have_no_note() -> None:
    assert not hasattr(exceptions.TargetUnavailable("No key"), "__notes__")
