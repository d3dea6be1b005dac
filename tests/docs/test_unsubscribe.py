"""The steps on the page about unsubscribing, together: a mail's link leads to the page."""

from types import ModuleType
from typing import Any

from django.core.checks import run_checks
from django.core.management import call_command
from django.test import Client

from django_notification_system.categories import known_categories
from django_notification_system.models import TargetUserRecord
from django_notification_system.testing.smtp import SmtpStandIn
from tests.support.documentation import run_example


def test_the_steps_make_a_mail_whose_link_leads_to_the_page(
    settings: Any, records: dict[str, TargetUserRecord], mail_server: SmtpStandIn
) -> None:
    urls = ModuleType("shown_urls")
    vars(urls).update(run_example("preferences_urls.py"))
    settings.ROOT_URLCONF = urls
    settings.NOTIFICATION_SYSTEM = run_example("preferences_settings.py")["NOTIFICATION_SYSTEM"]

    with known_categories():
        run_example("notification_types.py")
        assert [each for each in run_checks() if "notification_system" in str(each.id)] == []
        run_example("notify_of_news.py")
        call_command("process_notifications", verbosity=0)
        [mail] = mail_server.received
        link = mail["List-Unsubscribe"].strip("<>")
        assert link in mail.text
        page = Client().get(link.removeprefix("https://www.example.com"))

    assert "Unsubscribe from “Newsletter”?" in page.text
    assert mail["List-Id"] == "<news.www.example.com>"
