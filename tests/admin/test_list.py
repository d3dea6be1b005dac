"""The list of notifications: badges, periods, errors, persons; and the dashboard."""

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from django.utils.html import strip_tags

from django_notification_system.admin import NotificationAdmin
from django_notification_system.admin.moments import short
from django_notification_system.models import Notification, TargetUserRecord
from tests.conftest import MakeDue
from tests.support.admin_site import Records, address, listed, staff_client

pytestmark = pytest.mark.django_db

FIRST = "scheduled_delivery__"


@pytest.fixture
def client() -> Client:
    """The browser of somebody who may only look."""
    return staff_client("view_notification", "view_targetuserrecord")


def links(client: Client, query: str = "") -> list[tuple[str, str]]:
    page = client.get(f"{address(Notification)}?{query}").content.decode()
    above = page.partition('<nav class="toplinks"')[2].partition("</nav>")[0]
    found = re.findall(r'<a href="(\?[^"]*)"[^>]*>([^<]*)</a>', above)
    return [(unescape(link), unescape(text).strip("\u2039 ")) for link, text in found]


@pytest.mark.parametrize("status", dict(Notification.STATUS_CHOICES))
def test_each_status_has_a_badge_with_a_sign_and_a_word(
    client: Client, records: Records, make_due: MakeDue, status: str
) -> None:
    make_due(records["Email"], status=status)
    page = client.get(address(Notification)).content.decode()
    (kind, sign, word) = re.findall(
        r'class="notification-status notification-(\w+)"><span aria-hidden="true">(.)</span>'
        r"\s*([^<]+)</span>",
        page,
    )[0]
    assert (word, sign != "?") == (dict(Notification.STATUS_CHOICES)[status], True)
    assert f".notification-{kind} " in open_style_sheet()
    # By the time alone: by anything else a database would sort the whole table.
    assert set(re.findall(r'href="\?o=-?(\d)"', page)) == {"3"}


def test_a_row_says_whether_whom_and_when_and_its_title_leads_to_the_notification(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    now = timezone.now()
    notification = make_due(
        records["Email"], title="Breakfast", status="DELIVERED", attempted_delivery=now
    )
    page = client.get(address(Notification))
    names = ("status_badge", "title", "recipient", "due", "attempted")
    assert page.context["cl"].list_display == names
    text = page.content.decode()
    change = address(Notification, "change", notification.pk)
    assert f'<th class="field-title"><a href="{change}">Breakfast</a></th>' in text
    assert "Eggs Benedict, Email" in text
    assert str(short(now)) in text
    assert list(re.findall(r'href="[^"]*/change/"', text)) == [f'href="{change}"']


@pytest.mark.parametrize("columns", [("title", "due"), ("due", "status")])
def test_a_list_without_a_title_leads_to_the_notification_by_its_first_column(
    client: Client,
    records: Records,
    make_due: MakeDue,
    monkeypatch: pytest.MonkeyPatch,
    columns: tuple[str, ...],
) -> None:
    monkeypatch.setattr(NotificationAdmin, "list_display", columns)
    make_due(records["Email"])
    assert not admin.site.get_model_admin(Notification).check()
    cell = re.search(
        r'<th class="field-(\w+)[^>]*><a', client.get(address(Notification)).content.decode()
    )
    assert cell
    assert cell[1] == columns[0]


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-11-28T17:54:00Z", "6:54 p.m."),
        ("2026-11-28T23:30:00Z", "Nov 29 12:30 a.m."),
        ("2026-01-02T03:04:00Z", "Jan 2 4:04 a.m."),
        ("2025-12-31T22:30:00Z", "12/31/2025 11:30 p.m."),
        (None, "-"),
    ],
)
def test_a_moment_is_shown_without_what_it_shares_with_now(
    settings: Any, moment: str | None, shown: str
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    made = short(datetime.fromisoformat(moment) if moment else None, now)
    assert strip_tags(made) == shown
    if moment:
        assert 'title="' in made
        with translation.override("de"):
            german = strip_tags(short(datetime.fromisoformat(moment), now))
        assert german in {"18:54", "29. Nov 00:30", "2. Jan 04:04", "31.12.2025 23:30"}


def test_a_moment_without_a_time_zone_is_shown_as_it_is(settings: Any) -> None:
    settings.USE_TZ = False
    nine, noon = (datetime.fromisoformat(f"2026-11-28T{hour}:00") for hour in ("09", "12"))
    assert strip_tags(short(nine, noon)) == "9 a.m."


def open_style_sheet() -> str:
    from django.contrib.staticfiles import finders

    found = finders.find("django_notification_system/admin.css")
    assert isinstance(found, str)
    with open(found) as sheet:
        return sheet.read()


def test_periods_lead_from_years_to_days(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    for moment in ("2024-02-29", "2026-03-01", "2026-03-31"):
        make_due(records["Email"], title=moment, scheduled_delivery=f"{moment}T23:30:00Z")
    assert [text for _link, text in links(client)] == ["2024", "2025", "2026"]
    (link, _text) = links(client)[0]
    assert listed(client, Notification, link[1:]) == {"2024-02-29"}
    months = links(client, f"{FIRST}year=2026")
    assert [text for _link, text in months][:3] == ["All dates", "January 2026", "February 2026"]
    assert len(months) == 13
    march = months[3][0]
    assert listed(client, Notification, march[1:]) == {"2026-03-01", "2026-03-31"}
    days = links(client, march[1:])
    assert (len(days), days[0][1], days[-1][1]) == (32, "2026", "March 31")
    assert listed(client, Notification, days[-1][0][1:]) == {"2026-03-31"}
    assert [text for _link, text in links(client, days[-1][0][1:])] == ["March 2026"]
    assert len(links(client, f"{FIRST}year=2024&{FIRST}month=2")) == 30
    kept = links(client, "status__exact=SCHEDULED")[0][0]
    assert "status__exact=SCHEDULED" in kept


def test_an_odd_year_does_not_make_thousands_of_links(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    make_due(records["Email"], title="1", scheduled_delivery="0101-01-01T00:00:00Z")
    make_due(records["Email"], title="2", scheduled_delivery="9998-01-01T00:00:00Z")
    assert len(links(client)) <= 23
    Notification.objects.all().delete()
    assert links(client) == []


@pytest.mark.parametrize("query", ["year=x", "year=2024&month=13", "year=2023&month=2&day=29"])
def test_a_period_that_is_none_is_told(client: Client, query: str) -> None:
    query = "&".join(FIRST + part for part in query.split("&"))
    response = client.get(f"{address(Notification)}?{query}")
    assert response.status_code == 302
    assert response["Location"].endswith("?e=1")


def test_periods_are_read_from_the_ends_of_the_index(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    make_due(records["Email"])
    with CaptureQueriesContext(connection) as captured:
        client.get(address(Notification))
    statements = [query["sql"] for query in captured if "scheduled_delivery" in query["sql"]]
    assert not [each for each in statements if re.search(r"MIN\(|MAX\(|DISTINCT|TRUNC", each)]
    assert len([each for each in statements if each.rstrip().endswith("LIMIT 1")]) == 2


def test_errors_are_offered_without_what_differs(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    for number in range(3):
        make_due(
            records["Email"],
            title=f"box {number}",
            status="DELIVERY FAILURE",
            attempted_delivery=timezone.now(),
            response=f"550 5.1.1 No mailbox ham{number}@example.com",
        )
    make_due(
        records["Expo"],
        title="slow",
        status="RETRY",
        attempted_delivery=timezone.now(),
        response="Too slow",
    )
    make_due(records["Expo"], title="fine", status="DELIVERED", response="Too slow")
    page = client.get(address(Notification))
    (spec,) = [each for each in page.context["cl"].filter_specs if each.title == "error"]
    assert [label for _value, label in spec.lookup_choices] == [
        "550 5.1.1 No mailbox …",
        "Too slow",
    ]
    assert listed(client, Notification, urlencode({"error": "550 5.1.1 No mailbox …"})) == {
        "box 0", "box 1", "box 2",
    }  # fmt: skip
    assert listed(client, Notification, "error=Too+slow") == {"slow"}
    assert listed(client, Notification, "error=None+such") == set()


def test_a_record_leads_to_its_users_notifications(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    record = records["Email"]
    other = TargetUserRecord.objects.create(
        user=get_user_model().objects.create_user("ham"), target=record.target, target_user_id="h@x"
    )
    make_due(record, title="by email")
    make_due(records["Expo"], title="by push")
    make_due(other, title="another's")
    change = address(TargetUserRecord, "change", record.pk)
    link = f'{address(Notification)}?person={record.user_id}">2</a>'
    assert link in client.get(change).content.decode()
    assert listed(client, Notification, f"person={record.user_id}") == {"by email", "by push"}
    page = client.get(f"{address(Notification)}?person={record.user_id}").content.decode()
    assert "By person" in page
    assert "By person" not in client.get(address(Notification)).content.decode()
    for nobody in ("999999", "x", "9" * 400):
        response = client.get(f"{address(Notification)}?person={nobody}")
        assert response["Location"].endswith("?e=1")
    blind = staff_client("view_targetuserrecord")
    assert "person=" not in blind.get(change).content.decode()


def test_the_list_takes_a_fixed_number_of_queries(
    client: Client, records: Records, make_due: MakeDue, django_assert_num_queries: Any
) -> None:
    def fail(number: int) -> None:
        for index in range(number):
            make_due(
                records["Email"],
                title=f"{number} {index}",
                status="DELIVERY FAILURE",
                response=f"Error {index}",
                attempted_delivery=timezone.now(),
            )

    for number in (1, 40):
        fail(number)
        with django_assert_num_queries(17):
            client.get(address(Notification))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"action": "send_now", "_selected_action": "all"},
        {"action": "delete_selected", "_selected_action": "all"},
    ],
)
@pytest.mark.parametrize("query", ["", "?status__exact=SCHEDULED", "?q=egg", "?q=egg&extent=all"])
def test_the_list_and_its_actions_read_no_bodies(
    admin_client: Client, records: Records, make_due: MakeDue, query: str, data: dict[str, Any]
) -> None:
    keys = [make_due(records["Email"], title=f"egg {number}").pk for number in range(2)]
    with CaptureQueriesContext(connection) as captured:
        if data:
            data = {**data, "_selected_action": keys}
            response = admin_client.post(f"{address(Notification)}{query}", data)
        else:
            response = admin_client.get(f"{address(Notification)}{query}")
    assert "egg" in response.content.decode()
    table = connection.ops.quote_name(Notification._meta.db_table)
    of_notifications = [each["sql"] for each in captured if f" FROM {table}" in each["sql"]]
    assert of_notifications
    for name in ("body", "extra"):
        column = connection.ops.quote_name(name)
        assert not [sql for sql in of_notifications if column in sql], name


def test_a_list_that_shows_bodies_reads_them(
    client: Client, records: Records, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotificationAdmin, "list_display", ("title", "body"))
    make_due(records["Email"], body="lorem")
    (row,) = client.get(address(Notification)).context["cl"].result_list
    assert row.get_deferred_fields() == {"extra"}
