"""The filters of a mail's HTML on the page on email."""

import sys
from types import ModuleType
from typing import Any

import pytest
from django.core.checks import run_checks

from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.email.message import build_message
from tests.support.documentation import run_example


@pytest.mark.django_db
def test_the_filter_of_the_page_inlines(
    records: dict[str, TargetUserRecord], settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = run_example("html_filters_settings.py")[
        "NOTIFICATION_SYSTEM_TARGETS"
    ]
    assert [each for each in run_checks() if str(each.id).endswith(("E022", "W001"))] == []
    notification = Notification(
        target_user_record=records["Email"],
        title="A title",
        body="<style>p {color: red}</style><p>Hi Bob</p>",
    )
    mail = build_message(notification, "shop@example.com")
    assert '<p style="color: red;">Hi Bob</p>' in str(mail.alternatives[0][0])


def test_the_recipe_for_mjml_turns_mjml_alone_into_html(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in: Any = ModuleType("mjml")
    stand_in.mjml2html = lambda source: source.replace("mjml", "html")
    monkeypatch.setitem(sys.modules, "mjml", stand_in)
    to_html = run_example("mjml_filter.py")["to_html"]
    assert to_html("\n<mjml></mjml>") == "\n<html></html>"
    assert to_html("<p>A talk on mjml</p>") == "<p>A talk on mjml</p>"
