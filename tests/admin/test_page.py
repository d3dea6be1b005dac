"""The page of a notification: its status and why, then the message, the attempts and the form."""

import re
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from django_notification_system.admin.recipient import name_of
from django_notification_system.admin.summary import summary_of
from django_notification_system.delivery.receipts.due import NO_RECEIPT
from django_notification_system.models import Notification, NotificationTarget
from tests.conftest import MakeDue
from tests.support.admin_site import Records, address, form_of, staff_client

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def page_of(client: Client, notification: Notification) -> str:
    response = client.get(address(Notification, "change", notification.pk))
    assert response.status_code == 200
    return str(response.content.decode())


def reason_of(notification: Notification) -> str:
    return summary_of(Notification.objects.get(pk=notification.pk), timezone.now()).reason


def facts_of(notification: Notification) -> dict[str, str]:
    summary = summary_of(Notification.objects.get(pk=notification.pk), timezone.now())
    return {label: str(value) for label, value in summary.facts}


def test_a_page_begins_with_status_and_why_and_ends_with_the_form(
    admin_client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(
        records["Email"],
        title="Your <order>",
        status="DELIVERY FAILURE",
        attempted_delivery=timezone.now(),
        retry_attempts=3,
        response="550 No mailbox",
    )
    page = page_of(admin_client, notification)
    assert "<title>“Your &lt;order&gt;” to Eggs Benedict, Email | " in page
    places = [
        page.index(text)
        for text in (
            'class="notification-summary"',
            "No further attempt is made.",
            "550 No mailbox",
            "Send failed ones again…",
            'class="notification-preview"',
            'id="notification-attempts"',
            'id="notification_form"',
        )
    ]
    assert places == sorted(places)


def test_pages_say_their_title_in_a_theme_without_a_place_for_titles(
    admin_client: Client, records: Records, make_due: MakeDue, settings: Any, tmp_path: Path
) -> None:
    notification = make_due(records["Email"], title="Your order")
    (tmp_path / "admin").mkdir()
    (tmp_path / "admin" / "base.html").write_text("{% block content %}{% endblock %}")
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path, *engine.get("DIRS", [])]}]
    asked = {"action": "cancel", "_selected_action": notification.pk}
    pages = {
        "“Your order” to Eggs Benedict, Email": page_of(admin_client, notification),
        "Dashboard": admin_client.get(address(Notification, "dashboard")).content.decode(),
        "Cancel 1 notification": admin_client.post(
            address(Notification, "changelist"), asked
        ).content.decode(),
    }
    for title, page in pages.items():
        assert re.findall(r"<h1.*?>(.*?)</h1>", page) == [title]


def test_a_form_with_errors_is_not_below_the_message(
    admin_client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"])
    url = address(Notification, "change", notification.pk)
    page = admin_client.post(url, {**form_of(admin_client, url), "title": ""}).content.decode()
    assert "This field is required." in page
    assert 'class="notification-summary"' in page
    assert 'class="notification-preview"' not in page


@pytest.mark.parametrize("status", dict(Notification.STATUS_CHOICES))
def test_each_status_has_a_reason(records: Records, make_due: MakeDue, status: str) -> None:
    assert reason_of(make_due(records["Email"], status=status)).endswith(".")


def test_what_waits_says_what_for(records: Records, make_due: MakeDue) -> None:
    now = timezone.now()
    due = make_due(records["Email"], title="due")
    later = make_due(records["Email"], title="later", scheduled_delivery=now + MINUTE)
    held = make_due(
        records["Email"], title="held", claim_token=uuid.uuid4(), claimed_until=now + MINUTE
    )
    paused = make_due(records["Expo"], title="paused")
    NotificationTarget.objects.filter(name="Expo").update(paused_until=now + MINUTE)
    assert reason_of(due) == "The notification is due. The next run delivers it."
    assert reason_of(later) == "The notification waits for its time."
    assert reason_of(held) == "A run is delivering the notification, or is about to."
    assert reason_of(paused).startswith("Expo is paused until ")


def test_what_failed_says_when_it_is_tried_again_and_how_often_it_was(
    records: Records, make_due: MakeDue
) -> None:
    now = timezone.now()
    notification = make_due(
        records["Email"],
        status="RETRY",
        attempted_delivery=now,
        scheduled_delivery=now + MINUTE,
        retry_attempts=1,
        response="451 later",
    )
    facts = facts_of(notification)
    assert list(facts) == ["To", "Last response", "Attempted", "Next attempt", "Failed attempts"]
    assert facts["To"] == "Eggs Benedict, Email, eggs@example.com"
    assert facts["Failed attempts"] == "1 of at most 3"


def test_a_confirmation_and_a_providers_word_are_told(records: Records, make_due: MakeDue) -> None:
    now = timezone.now()
    arrived = {"attempted_delivery": now, "confirmed_at": now, "provider_status": "delivered"}
    notification = make_due(records["Twilio"], status="DELIVERED", **arrived)
    assert reason_of(notification) == "The provider confirmed that the message arrived."
    assert facts_of(notification)["Provider's status"] == "delivered"
    assert "Confirmed" in facts_of(notification)


def test_a_receipt_that_never_came_is_told_in_the_readers_language(
    records: Records, make_due: MakeDue
) -> None:
    sent = {"attempted_delivery": timezone.now(), "provider_status": NO_RECEIPT}
    notification = make_due(records["Twilio"], status="DELIVERED", **sent)
    with override("de"):
        facts = facts_of(notification)
    assert facts["Status beim Anbieter"] == (
        "Es kam keine Empfangsbestätigung, und der Anbieter wird nicht mehr gefragt."
    )


@pytest.mark.parametrize(
    ("interruptions", "is_held", "said"),
    [
        (0, False, None),
        (1, True, None),
        (1, False, "1 run took the notification and ended before it recorded an outcome."),
        (3, True, "2 runs took the notification and ended before they recorded an outcome."),
    ],
)
def test_runs_that_recorded_nothing_are_told_without_the_one_at_work(
    records: Records, make_due: MakeDue, interruptions: int, is_held: bool, said: str | None
) -> None:
    until = timezone.now() + (MINUTE if is_held else -MINUTE)
    notification = make_due(
        records["Email"], interruptions=interruptions, claim_token=uuid.uuid4(), claimed_until=until
    )
    assert facts_of(notification).get("Interruptions") == said


def test_whoever_may_only_look_sees_all_of_it(records: Records, make_due: MakeDue) -> None:
    page = page_of(staff_client("view_notification"), make_due(records["Email"]))
    assert "All fields</h2>" in page
    assert "None is recorded." in page
    assert not re.search(r"(Cancel|Send now|Reschedule)…", page)


def test_a_person_without_a_full_name_goes_by_the_user_name(user: Any) -> None:
    class Plain(AbstractBaseUser):
        USERNAME_FIELD = "password"

        class Meta:
            app_label = "tests"
            managed = False

    assert name_of(user) == "Eggs Benedict"
    assert name_of(get_user_model()(username="ham")) == "ham"
    assert name_of(Plain(password="bacon")) == "bacon"


def test_a_project_fills_a_block_of_a_page(
    admin_client: Client, records: Records, make_due: MakeDue, settings: Any, tmp_path: Path
) -> None:
    name = "admin/django_notification_system/notification/change_form.html"
    template = tmp_path / name
    template.parent.mkdir(parents=True)
    block = "{% block notification_attempts %}Ask {{ original.title }}.{% endblock %}"
    template.write_text(f"{{% extends '{name}' %}}{block}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    page = page_of(admin_client, make_due(records["Email"], title="the cook"))
    assert "Ask the cook." in page
    assert "None is recorded." not in page
    assert 'class="notification-preview"' in page


def test_a_claim_is_judged_by_the_clock_of_the_database(
    records: Records, make_due: MakeDue
) -> None:
    held = make_due(
        records["Email"],
        claim_token=uuid.uuid4(),
        claimed_until=timezone.now() + MINUTE,
        interruptions=1,
    )
    free = make_due(
        records["Email"], claim_token=uuid.uuid4(), claimed_until=timezone.now() - MINUTE
    )
    of_held, of_free = (
        summary_of(Notification.objects.get(pk=each.pk), timezone.now() + wrong)
        for each, wrong in ((held, 2 * MINUTE), (free, -2 * MINUTE))
    )
    assert of_held.reason == "A run is delivering the notification, or is about to."
    assert "Interruptions" not in dict(of_held.facts)
    assert of_free.reason == "The notification waits for its time."
