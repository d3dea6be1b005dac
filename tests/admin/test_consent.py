"""Preferences and the log of consent in the admin: a person's page, and the log's own list."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_notification_system.admin.consent import SHOWN, effective_preferences
from django_notification_system.categories import Category, all_categories, known_categories
from django_notification_system.models import (
    ConsentLog,
    NotificationOptOut,
    Preference,
    Suppression,
    TargetUserRecord,
    UserTarget,
)
from django_notification_system.preferences import effective, set_preference, suppress
from tests.support.admin_site import Records, address, staff_client

pytestmark = pytest.mark.django_db

LOG = address(ConsentLog)


@pytest.fixture
def client(admin_client: Client) -> Client:
    """A superuser's browser."""
    return admin_client


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(
        Category("news", label="Newsletter <3", targets=("email",)),
        Category("orders", label="Your orders", opt_in=("twilio_sms",)),
        Category("club", label="The club", opt_in=True, confirm=True),
        Category("security", label="Security", mandatory=True),
    ):
        yield


def page_of(client: Client, record: TargetUserRecord) -> str:
    response = client.get(address(UserTarget, "change", record.pk))
    assert response.status_code == 200
    return str(response.content.decode())


def shown(client: Client, record: TargetUserRecord) -> dict[tuple[str, str], tuple[bool, str]]:
    response = client.get(address(UserTarget, "change", record.pk))
    return {
        (str(row.category), row.target): (row.is_sent, str(row.why))
        for row in response.context["consent"]["preferences"]
    }


def test_a_persons_page_says_what_is_sent_and_why(client: Client, records: Records) -> None:
    user = records["Email"].user
    set_preference(user, "orders", "twilio_sms", wanted=True, how="page")
    set_preference(user, "orders", "email", wanted=False, how="page")
    set_preference(user, "news", wanted=False, how="page")
    set_preference(user, "club", wanted=True, how="page")
    set_preference(user, "", "expo", wanted=False, how="page")
    found = shown(client, records["Email"])
    assert found["Newsletter <3", "Email"] == (False, "Said no to this category")
    assert found["Your orders", "Twilio"] == (True, "Agreed to")
    assert found["Your orders", "Email"] == (False, "Said no to this category in this target")
    assert found["Your orders", "Expo"] == (False, "Said no to this target")
    assert found["The club", "Email"] == (False, "Agreed to, and not yet confirmed")
    assert found["Security", "Expo"] == (True, "Mandatory")
    page = page_of(client, records["Email"])
    assert "Newsletter &lt;3" in page
    assert "Newsletter <3" not in page


def test_a_default_and_an_opt_out_are_named(client: Client, records: Records) -> None:
    found = shown(client, records["Email"])
    assert found["Newsletter <3", "Email"] == (True, "On by default")
    assert found["Newsletter <3", "Expo"][1] == "Not agreed to"
    NotificationOptOut.objects.create(user=records["Email"].user)
    found = shown(client, records["Email"])
    assert found["Newsletter <3", "Email"] == (False, "Opted out of everything")
    assert found["Security", "Email"] == (True, "Mandatory")


def test_the_page_agrees_with_the_rule(records: Records) -> None:
    user = records["Email"].user
    set_preference(user, "news", "email", wanted=False, how="page")
    set_preference(user, "club", "expo", wanted=True, how="link")
    keys = {"email": "email", "expo": "expo", "twilio_sms": "twilio_sms"}
    rows = effective_preferences(user.pk, keys)
    labels = {category.key: category.label for category in all_categories()}
    expected = {
        (labels[category], key): not refused
        for category, by_key in effective(user).items()
        for key, refused in by_key.items()
        if key in keys
    }
    assert {(row.category, row.target): row.is_sent for row in rows} == expected


def test_targets_without_a_record_of_the_person_are_left_out(
    client: Client, records: Records
) -> None:
    records["Expo"].delete()
    assert {target for _category, target in shown(client, records["Email"])} == {"Email", "Twilio"}


def test_the_newest_entries_of_the_log_stand_below(client: Client, records: Records) -> None:
    user, ada = records["Email"].user, get_user_model().objects.create_user("ada")
    for number in range(SHOWN + 1):
        set_preference(user, "news", "email", wanted=bool(number % 2), how="page")
    set_preference(user, "orders", wanted=False, how="admin", by=ada)
    other = get_user_model().objects.create_user("other")
    set_preference(other, "news", wanted=False, how="page")
    response = client.get(address(UserTarget, "change", records["Email"].pk))
    log = response.context["consent"]["log"]
    assert len(log) == SHOWN
    assert (log[0].category, log[0].before, log[0].after) == ("Your orders", "-", "No")
    assert log[0].logged.by == ada
    assert {entry.logged.user_id for entry in log} == {user.pk}
    page = response.content.decode()
    assert f"The latest {SHOWN} are shown." in page
    assert "<td>The page of preferences</td>" in page


def test_an_address_without_a_user_has_the_log_of_its_suppressions(
    client: Client, records: Records
) -> None:
    record = records["Email"]
    TargetUserRecord.objects.filter(pk=record.pk).update(user=None)
    suppress("email", "Eggs@example.com", reason="bounce")
    suppress("email", "other@example.com", reason="bounce")
    response = client.get(address(UserTarget, "change", record.pk))
    assert "preferences" not in response.context["consent"]
    [entry] = response.context["consent"]["log"]
    assert entry.logged.wording == "bounce"
    assert "Change the preferences" not in response.content.decode()


def test_a_suppression_of_the_address_stands_on_the_records_page(
    client: Client, records: Records
) -> None:
    page = page_of(client, records["Email"])
    assert "This address is suppressed" not in page
    row = suppress("email", "EGGS@example.com", reason="bounce")
    suppress("email", "eggs@example.com", reason="unsubscribed", category="news")
    suppress("email", "ham@example.com", reason="complaint")
    page = page_of(client, records["Email"])
    assert "This address is suppressed" in page
    assert "The address does not exist" in page
    assert "Unsubscribed" in page
    assert "Reported as spam" not in page
    assert address(Suppression, "change", row.pk) in page
    assert "This address is suppressed" not in page_of(client, records["Twilio"])

    clerk = staff_client("view_targetuserrecord", "view_notificationtarget", "view_consentlog")
    assert "This address is suppressed" not in page_of(clerk, records["Email"])


@pytest.mark.parametrize(
    ("codenames", "sees_preferences", "sees_log", "may_act"),
    [
        ((), False, False, False),
        (("view_preference",), True, False, False),
        (("view_consentlog",), False, True, False),
        (("change_preference",), True, False, True),
        (("view_preference", "view_consentlog"), True, True, False),
    ],
)
def test_each_part_needs_its_permission(
    records: Records,
    codenames: tuple[str, ...],
    sees_preferences: bool,
    sees_log: bool,
    may_act: bool,
) -> None:
    set_preference(records["Email"].user, "news", wanted=False, how="page")
    page = page_of(staff_client("view_targetuserrecord", *codenames), records["Email"])
    assert ('id="notification-preferences"' in page) == sees_preferences
    assert ('id="notification-consent-log"' in page) == sees_log
    assert ("Change the preferences" in page) == may_act


def test_the_page_at_the_address_of_release_1_5_3_shows_the_same(
    client: Client, records: Records
) -> None:
    page = client.get(address(TargetUserRecord, "change", records["Email"].pk)).content.decode()
    assert 'id="notification-preferences"' in page
    link = address(TargetUserRecord, "preferences", records["Email"].pk)
    assert link in page
    assert client.get(link).status_code == 200


def queries_of(client: Client, record: TargetUserRecord) -> list[str]:
    page_of(client, record)  # what Django reads once
    with CaptureQueriesContext(connection) as queries:
        page_of(client, record)
    return [query["sql"] for query in queries]


def test_the_page_takes_six_queries_more_however_much_there_is(
    client: Client, records: Records
) -> None:
    record, user = records["Email"], records["Email"].user
    with known_categories():
        before = queries_of(client, record)
    assert not [sql for sql in before if "preference" in sql or "consent_log" in sql]
    ada = get_user_model().objects.create_user("ada")
    set_preference(user, "news", wanted=False, how="admin", by=ada)
    few = queries_of(client, record)
    assert len(few) <= len(before) + 6
    for number in range(30):
        person = get_user_model().objects.create_user(f"person{number}")
        set_preference(user, "orders", "email", wanted=bool(number % 2), how="admin", by=person)
    assert len(queries_of(client, record)) == len(few)


def test_without_categories_the_page_speaks_of_neither(client: Client, records: Records) -> None:
    set_preference(records["Email"].user, "news", wanted=False, how="page")
    with known_categories():
        page = page_of(client, records["Email"])
    assert "notification-consent" not in page.split("</head>")[1]


def test_the_list_of_the_log_shows_who_said_what(client: Client, records: Records) -> None:
    user = records["Email"].user
    set_preference(user, "orders", wanted=False, how="page")
    set_preference(user, "orders", wanted=True, how="admin", by=user)
    other = get_user_model().objects.create_user("other")
    set_preference(other, "news", wanted=False, how="one-click")
    page = client.get(LOG).content.decode()
    assert '<td class="field-shown_after">No</td>' in page
    assert '<td class="field-shown_category">Your orders</td>' in page
    assert page.count('<td class="field-how">') == 3
    assert client.get(f"{LOG}?how__exact=admin").content.decode().count('"field-how"') == 1
    assert client.get(f"{LOG}?q=other").content.decode().count('"field-how"') == 1
    entry = ConsentLog.objects.latest("pk")
    assert client.get(address(ConsentLog, "change", entry.pk)).status_code == 200


def test_an_entrys_page_has_all_there_is(client: Client, records: Records) -> None:
    set_preference(records["Email"].user, "orders", "email", wanted=False, how="page")
    page = client.get(address(ConsentLog, "change", ConsentLog.objects.get().pk)).content.decode()
    for field in ConsentLog._meta.get_fields():
        if field.name != "id":
            assert re.search(f"field-(shown_)?{field.name}\\b", page), field.name


def test_nobody_adds_changes_or_deletes_an_entry(client: Client, records: Records) -> None:
    set_preference(records["Email"].user, "orders", wanted=False, how="page")
    entry = ConsentLog.objects.get()
    assert client.get(address(ConsentLog, "add")).status_code == 403
    assert client.post(address(ConsentLog, "change", entry.pk), {"after": "yes"}).status_code == 403
    assert client.post(address(ConsentLog, "delete", entry.pk), {"post": "yes"}).status_code == 403
    values = {"action": "delete_selected", "_selected_action": entry.pk, "post": "yes"}
    client.post(LOG, values)
    assert ConsentLog.objects.get().after == "no"
    assert staff_client("view_consentlog").get(LOG).status_code == 200
    assert staff_client("view_preference").get(LOG).status_code == 403


def test_the_log_counts_no_further_than_other_lists(
    client: Client, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_notification_system.admin.listing.paginator.COUNTED_ROWS", 2)
    for number in range(4):
        set_preference(
            records["Email"].user, "orders", "email", wanted=bool(number % 2), how="page"
        )
    response = client.get(LOG)
    assert str(response.context["cl"].result_count) == "2+"


def test_many_entries_take_as_many_queries_as_one(client: Client, records: Records) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(LOG).status_code == 200
        return len(captured)

    set_preference(
        records["Email"].user, "orders", wanted=False, how="admin", by=records["Email"].user
    )
    queries()
    few = queries()
    for number in range(10):
        person = get_user_model().objects.create_user(f"person{number}")
        set_preference(person, "orders", wanted=False, how="admin", by=person)
    assert queries() == few


def test_preferences_have_no_list_of_their_own(client: Client) -> None:
    assert "preference/" not in client.get("/admin/").content.decode()
    assert Preference._meta.default_permissions
