"""The dashboard: what became of what was attempted, and what waits."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from django_notification_system.admin import chart
from django_notification_system.admin.chart import HEIGHT, KINDS, scale_top
from django_notification_system.models import Notification, NotificationTarget
from tests.conftest import MakeDue
from tests.support.admin_site import Records, address, listed, staff_client

pytestmark = pytest.mark.django_db

DASHBOARD = "/admin/django_notification_system/notification/dashboard/"


@pytest.fixture
def client() -> Client:
    """The browser of somebody who may only look."""
    return staff_client("view_notification", "view_targetuserrecord")


def test_the_dashboard_is_for_those_who_may_see_notifications() -> None:
    assert staff_client("view_targetuserrecord").get(DASHBOARD).status_code == 403
    assert Client().get(DASHBOARD).status_code == 302
    viewer = staff_client("view_notification")
    assert viewer.get(DASHBOARD).status_code == 200
    assert f'href="{DASHBOARD}"' in viewer.get(address(Notification)).content.decode()


def test_the_dashboard_shows_what_became_of_what_was_attempted(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    now = timezone.now()
    for hours, status in ((0, "DELIVERED"), (3, "DELIVERED"), (0, "DELIVERY FAILURE"),
                          (100, "DELIVERED"), (-1, "SCHEDULED"), (200, "DELIVERED")):  # fmt: skip
        make_due(
            records["Email"],
            title=f"{hours} {status}",
            status=status,
            # Due long before, or for later: it is the attempt that counts.
            scheduled_delivery=now - timedelta(hours=300),
            attempted_delivery=None if status == "SCHEDULED" else now - timedelta(hours=hours),
            response="" if status == "DELIVERED" else "550 No mailbox ham@example.com",
        )
    day = {chart.name: chart for chart in client.get(DASHBOARD).context["charts"]}
    assert set(day) == {"Email", "Expo", "Twilio"}
    assert day["Email"].totals == [2, 0, 1, 0]
    assert (len(day["Email"].bars), day["Email"].highest) == (24, 2)
    assert day["Email"].bars[-1].numbers == [1, 0, 1, 0]
    assert day["Email"].bars[-4].numbers == [1, 0, 0, 0]
    (good, bad) = day["Email"].bars[-1].parts
    assert (good.kind, bad.kind) == ("good", "bad")
    assert (good.y, bad.y) == (HEIGHT / 2, 0)
    page = client.get(f"{DASHBOARD}?span=week")
    week = {chart.name: chart for chart in page.context["charts"]}
    assert week["Email"].totals == [3, 0, 1, 0]
    assert len(week["Email"].bars) == 28
    text = page.content.decode()
    assert "550 No mailbox …" in text
    assert text.count('role="img"') == 3
    assert text.count("<details>") == 3
    assert len(KINDS) == 4
    assert client.get(f"{DASHBOARD}?span=nonsense").status_code == 200


def test_an_error_leads_to_the_rows_that_the_dashboard_counts(
    client: Client, records: Records, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    for title, target, minutes, response, status in (
        ("counted", "Email", 5, "550 No mailbox a@example.com", "DELIVERY FAILURE"),
        ("counted too", "Email", 50, "550 No mailbox b@example.com", "RETRY"),
        ("opted out", "Email", 5, "550 No mailbox c@example.com", "OPTED OUT"),
        ("before", "Email", 70, "550 No mailbox d@example.com", "DELIVERY FAILURE"),
        ("elsewhere", "Expo", 5, "550 No mailbox e@example.com", "DELIVERY FAILURE"),
        ("another", "Email", 5, "Too slow", "DELIVERY FAILURE"),
        ("without words", "Twilio", 5, "", "DELIVERY FAILURE"),
    ):
        attempted = now - timedelta(minutes=minutes)
        make_due(
            records[target],
            title=title,
            status=status,
            scheduled_delivery=now - timedelta(days=30) if title == "counted" else attempted,
            attempted_delivery=attempted,
            response=response,
        )
    page = client.get(DASHBOARD)
    counted = {(cause.target, cause.text): link for cause, link in page.context["causes"]}
    numbers = {(each.target, each.text): each.notifications for each, _ in page.context["causes"]}
    make_due(
        records["Email"],
        title="since",
        status="DELIVERY FAILURE",
        attempted_delivery=timezone.now(),
        response="550 No mailbox f@example.com",
    )
    # The filter's own bound, of all times, is for other lists.
    monkeypatch.setattr("django_notification_system.admin.listing.errors.ERRORS_LOOKED_AT", 1)
    of_email = counted["Email", "550 No mailbox …"]
    assert listed(client, Notification, of_email) == {"counted", "counted too", "opted out"}
    assert listed(client, Notification, counted["Expo", "550 No mailbox …"]) == {"elsewhere"}
    assert listed(client, Notification, counted["Twilio", ""]) == {"without words"}
    for place, link in counted.items():
        assert len(listed(client, Notification, link)) == numbers[place]
    shown = client.get(f"{address(Notification)}?{of_email}").content.decode()
    assert date_format(timezone.localtime(page.context["status"].at), "TIME_FORMAT") in shown


@pytest.mark.parametrize("span", ["", "2026-01-01", "2026-01-01T00:00/x", "2026-13-01T00:00Z/x"])
def test_a_wrong_span_of_time_is_no_error_of_the_server(client: Client, span: str) -> None:
    page = client.get(address(Notification), {"attempted_in": span})
    assert (page.status_code, page["Location"]) == (302, f"{address(Notification)}?e=1")


def test_charts_are_of_so_many_attempts_and_targets(
    client: Client, records: Records, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    for hours in range(5):
        make_due(
            records["Email"],
            title=f"{hours}",
            status="DELIVERED",
            attempted_delivery=now - timedelta(hours=hours),
        )
    monkeypatch.setattr(chart, "ATTEMPTS_CHARTED", 3)
    monkeypatch.setattr(chart, "MOST_CHARTS", 1)
    page = client.get(DASHBOARD)
    assert [(each.name, each.totals) for each in page.context["charts"]] == [
        ("Email", [3, 0, 0, 0])
    ]
    assert "are too many to be counted." in page.text
    assert "2 targets with fewer attempts have no chart." in page.text
    monkeypatch.undo()
    page = client.get(DASHBOARD)
    assert len(page.context["charts"]) == 3
    assert "too many" not in page.text


def test_the_dashboard_shows_pauses_and_ages(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    make_due(records["Email"], scheduled_delivery=timezone.now() - timedelta(hours=3))
    NotificationTarget.objects.filter(name="Expo").update(
        paused_until=timezone.now() + timedelta(hours=1), pause_reason="Nobody <answers>"
    )
    page = client.get(DASHBOARD).content.decode()
    assert "Expo is paused until" in page
    assert "Nobody &lt;answers&gt;" in page
    assert "3\xa0hours" in page


def test_the_dashboard_takes_a_fixed_number_of_queries(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(DASHBOARD).status_code == 200
        return len(captured)

    make_due(records["Email"])
    few = queries()
    for number in range(30):
        make_due(records["Email"], title=f"{number}", status="DELIVERED")
    assert queries() == few


def test_a_chart_has_a_scale_and_times_under_its_bars(
    client: Client, records: Records, make_due: MakeDue, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    for number in range(5):
        make_due(
            records["Email"],
            title=f"{number}",
            status="DELIVERED",
            attempted_delivery=timezone.now(),
        )
    page = client.get(DASHBOARD)
    chart = page.context["charts"][0]
    assert (chart.highest, chart.scale) == (5, [6, 3, 0])
    with timezone.override("Asia/Tokyo"):
        for bar in chart.bars:
            moment = timezone.localtime(bar.begins)
            assert bar.label == ("" if moment.hour % 3 else date_format(moment, "TIME_FORMAT"))
        assert "midnight" in {bar.label for bar in chart.bars}
        assert "<b>noon</b>" in page.content.decode()
        week = client.get(f"{DASHBOARD}?span=week").context["charts"][0]
        days = [timezone.localtime(bar.begins) for bar in week.bars if bar.label]
    assert len(days) == 7
    assert {day.hour for day in days} <= set(range(6))
    assert [bar.label for bar in week.bars if bar.label] == [f"{day:%b} {day.day}" for day in days]


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 1), (1, 1), (3, 4), (5, 6), (9, 10), (41, 60), (100, 100), (101, 200)]
)
def test_a_scale_ends_with_a_round_number(highest: int, top: int) -> None:
    assert scale_top(highest) == top


def test_the_apps_index_leads_to_the_dashboard_whoever_may_see_it(client: Client) -> None:
    index = reverse("admin:app_list", args=["django_notification_system"])
    link = f'href="{DASHBOARD}"'
    assert link in client.get(index).content.decode()
    others = staff_client("view_targetuserrecord").get(index)
    assert others.status_code == 200
    assert link not in others.content.decode()


def test_the_charts_read_only_what_was_attempted_in_their_time(client: Client) -> None:
    with CaptureQueriesContext(connection) as captured:
        client.get(DASHBOARD)
    (statement,) = [
        each["sql"] for each in captured if ("GROUP BY" in each["sql"] and "_trunc" in each["sql"])
        or "DATE_TRUNC" in each["sql"] or "CAST(DATE_FORMAT" in each["sql"]
    ]  # fmt: skip
    assert re.search(r"attempted_delivery\W+>= ", statement)
    assert re.search(r"attempted_delivery\W+<= ", statement)
    assert "JOIN" not in statement
