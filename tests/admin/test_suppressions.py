"""Suppressions in the admin: listed, found by an address's hash, added and removed, and logged."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.admin.actions import lift
from django_notification_system.categories import Category, known_categories
from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import (
    ConsentLog,
    Notification,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.preferences import suppress
from tests.conftest import MakeDue
from tests.support.admin_site import address, errors_of, form_of, listed, staff_client

pytestmark = pytest.mark.django_db

ADD = address(Suppression, "add")
ALL_PERMISSIONS = ("view_suppression", "add_suppression", "delete_suppression")


@pytest.fixture
def client(admin_client: Client) -> Client:
    """A superuser's browser."""
    return admin_client


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(
        Category("news", label="Our newsletter"), Category("orders", label="Your orders")
    ):
        yield


@pytest.fixture
def made() -> dict[str, Suppression]:
    """Suppressions for several reasons, and one whose address was erased."""
    by_name = {
        "bounce": suppress("email", "eggs@example.com", reason="bounce"),
        "stop": suppress("twilio_sms", "+4915112345678", reason="stop", category="news"),
        "other": suppress("email", "other@example.com", reason="complaint"),
        "erased": suppress("email", "gone@example.com", reason="unsubscribed"),
    }
    Suppression.objects.filter(pk=by_name["erased"].pk).update(address="")
    return by_name


def names(made: dict[str, Suppression], found: set[str]) -> set[str]:
    return {name for name, suppression in made.items() if str(suppression.pk) in found}


def history() -> list[tuple[Any, ...]]:
    rows = ConsentLog.objects.filter(how="admin").order_by("id")
    return list(rows.values_list("category", "before", "after", "wording", "by__username"))


def test_the_list_has_address_target_category_reason_and_date(
    client: Client, made: dict[str, Suppression]
) -> None:
    page = client.get(address(Suppression)).content.decode()
    for cell in (
        '<td class="field-target_key">twilio_sms</td>',
        '<td class="field-shown_category">Our newsletter</td>',
        '<td class="field-shown_category">All</td>',
        '<td class="field-reason">Reported as spam</td>',
    ):
        assert cell in page
    assert "eggs@example.com" in page
    assert ">erased</a>" in page
    assert page.index("erased") < page.index("other@example.com") < page.index("eggs@example.com")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("reason__exact=stop", {"stop"}),
        ("target_key=email", {"bounce", "other", "erased"}),
        ("target_key=twilio_sms&reason__exact=bounce", set()),
        ("target_key=no_more", set()),
        ("q=eggs@example.com", {"bounce"}),
        ("q=%20Eggs@Example.COM%20", {"bounce"}),
        ("q=gone@example.com", {"erased"}),
        ("q=gone@example.com&target_key=email", {"erased"}),
        ("q=%2B49 151 123-456.78", {"stop"}),
        ("q=eggs@example", set()),
        ("q=example.com", set()),
        ("q=%25", set()),
    ],
)
def test_suppressions_are_found_by_the_whole_address_erased_or_not(
    client: Client, made: dict[str, Suppression], query: str, found: set[str]
) -> None:
    assert names(made, listed(client, Suppression, query)) == found


def test_a_search_reads_the_index_of_the_hash(client: Client, made: dict[str, Suppression]) -> None:
    with CaptureQueriesContext(connection) as queries:
        client.get(f"{address(Suppression)}?q=eggs@example.com")
    [rows] = [
        query["sql"]
        for query in queries
        if "suppression" in query["sql"] and "ORDER BY" in query["sql"]
    ]
    assert "address_hash" in rows
    assert "LIKE" not in rows.upper()


def test_many_rows_take_as_many_queries_as_one(client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address(Suppression)).status_code == 200
        return len(captured)

    suppress("email", "one@example.com", reason="bounce")
    client.get(address(Suppression))
    few = queries()
    for number in range(20):
        suppress("email", f"{number}@example.com", reason="bounce", category="news")
    assert queries() == few


def test_an_address_is_suppressed_with_all_that_follows(
    email: TargetUserRecord, make_due: MakeDue
) -> None:
    editor = staff_client(*ALL_PERMISSIONS)
    waiting = make_due(email, category="news")
    others = make_due(email, title="Parcel", category="orders")
    values = {
        "target_key": "email",
        "address": " Eggs@example.com ",
        "category": "news",
        "note": "By phone",
    }
    response = editor.post(ADD, values, follow=True)
    assert "was added successfully" in response.content.decode()
    suppression = Suppression.objects.get()
    assert (suppression.address, suppression.category, suppression.reason, suppression.note) == (
        "Eggs@example.com", "news", "manual", "By phone",
    )  # fmt: skip
    waiting.refresh_from_db()
    others.refresh_from_db()
    assert (waiting.status, others.status) == ("INACTIVE DEVICE", "SCHEDULED")
    [(category, before, after, wording, by)] = history()
    assert (category, before, after, wording) == ("news", "", "no", "manual")
    assert by.startswith("staff-")


def test_djangos_own_log_keeps_no_address(client: Client) -> None:
    client.post(ADD, {"target_key": "email", "address": "eggs@example.com"})
    client.post(
        address(Suppression),
        {
            "action": "lift_selected",
            "_selected_action": Suppression.objects.get().pk,
            "confirmed": "yes",
        },
    )
    assert not Suppression.objects.exists()
    entries = list(LogEntry.objects.values_list("object_repr", flat=True))
    assert len(entries) == 2
    assert all("eggs" not in entry and entry.startswith("email: ") for entry in entries)


@pytest.mark.parametrize(
    ("values", "field", "complaint"),
    [
        ({"address": " "}, "address", "This field is required."),
        ({"address": "\u200e\x01"}, "address", "This field is required."),
        ({"address": "x" * 255}, "address", "at most 254 characters"),
        ({"target_key": "pigeon"}, "target_key", "pigeon is not one of the available choices"),
        ({"category": "nwes"}, "category", "nwes is not one of the available choices"),
        ({"note": "x" * 201}, "note", "at most 200 characters"),
        ({"address": "Gone@example.com"}, "__all__", "suppressed already: The address does not"),
    ],
)
def test_mistakes_are_shown_at_their_fields(
    client: Client, values: dict[str, str], field: str, complaint: str
) -> None:
    suppress("email", "gone@example.com", reason="bounce")
    good = {"target_key": "email", "address": "eggs@example.com", "category": "", "note": ""}
    errors = errors_of(client.post(ADD, {**good, **values}))
    assert complaint in " ".join(errors[field])
    assert Suppression.objects.count() == 1


def test_a_recipients_wish_gives_way_to_a_persons_word(client: Client) -> None:
    suppress("twilio_sms", "+4915112345678", reason="stop")
    client.post(ADD, {"target_key": "twilio_sms", "address": "+49 151 12345678"})
    assert Suppression.objects.get().reason == "manual"


@pytest.mark.parametrize("way", ["page", "action"])
def test_a_removal_schedules_again_and_is_logged(
    email: TargetUserRecord, make_due: MakeDue, way: str
) -> None:
    editor = staff_client(*ALL_PERMISSIONS)
    later = timezone.now() + timedelta(days=1)
    waiting = make_due(email, category="news", scheduled_delivery=later)
    suppression = suppress("email", "eggs@example.com", reason="bounce")
    if way == "page":
        editor.post(address(Suppression, "delete", suppression.pk), {"post": "yes"})
    else:
        values = {"action": "lift_selected", "_selected_action": suppression.pk}
        page = editor.post(address(Suppression), values)
        assert "Lift 1 suppression" in page.text
        assert "eggs@example.com" in page.text
        assert Suppression.objects.exists()
        editor.post(address(Suppression), {**values, "confirmed": "yes"})
    assert not Suppression.objects.exists()
    waiting.refresh_from_db()
    assert waiting.status == Notification.SCHEDULED
    [(category, before, after, wording, by)] = history()
    assert (category, before, after, wording) == ("", "no", "", "bounce")
    assert by.startswith("staff-")


def test_any_number_is_lifted_with_some_in_memory(
    made: dict[str, Suppression], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lift, "READ_AT_ONCE", 2)
    monkeypatch.setattr(lift, "NAMED", 2)
    editor = staff_client(*ALL_PERMISSIONS)
    everything = {
        "action": "lift_selected",
        "select_across": "1",
        "index": "0",
        "_selected_action": made["stop"].pk,
    }
    page = editor.post(address(Suppression), everything)
    assert "Lift 4 suppressions" in page.text
    assert page.text.count("example.com</td>") + page.text.count("erased</td>") == 2
    with CaptureQueriesContext(connection) as captured:
        done = editor.post(address(Suppression), {**everything, "confirmed": "yes"})
    assert [str(each) for each in get_messages(done.wsgi_request)] == [
        "4 suppressions were lifted."
    ]
    table = Suppression._meta.db_table
    read = [sql for each in captured if "ORDER BY" in (sql := each["sql"]) and table in sql]
    assert [sql for sql in read if " LIMIT " not in sql] == []
    assert not Suppression.objects.exists()
    assert {entry.object_repr.count("@") for entry in LogEntry.objects.all()} == {0}
    assert LogEntry.objects.count() == 4


def test_others_are_lifted_where_one_cannot_be(
    made: dict[str, Suppression], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Suppression.objects.order_by("pk")[0]
    lifted_first = lift.lift

    def fails_for_the_first(suppression: Suppression, *, by: Any) -> bool:
        if suppression.pk == first.pk:
            raise TargetUnavailable("There is no such module.")
        return lifted_first(suppression, by=by)

    monkeypatch.setattr(lift, "lift", fails_for_the_first)
    values = {
        "action": "lift_selected",
        "select_across": "1",
        "index": "0",
        "_selected_action": first.pk,
        "confirmed": "yes",
    }
    done = staff_client(*ALL_PERMISSIONS).post(address(Suppression), values)
    assert [str(each) for each in get_messages(done.wsgi_request)] == [
        "There is no such module.",
        "3 suppressions were lifted.",
    ]
    assert list(Suppression.objects.all()) == [first]


def test_lifting_needs_the_permission_to_delete(made: dict[str, Suppression]) -> None:
    viewer = staff_client("view_suppression")
    values = {"action": "lift_selected", "_selected_action": made["stop"].pk, "confirmed": "yes"}
    viewer.post(address(Suppression), values)
    assert Suppression.objects.count() == len(made)
    assert "delete_selected" not in staff_client(*ALL_PERMISSIONS).get(address(Suppression)).text


def test_erased_addresses_and_lost_categories_can_be_removed(
    client: Client, made: dict[str, Suppression], settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"SUPPRESSION_KEY": "another key since"}
    Suppression.objects.filter(pk=made["stop"].pk).update(category="gone", target_key="gone")
    for suppression in made.values():
        client.post(address(Suppression, "delete", suppression.pk), {"post": "yes"})
    assert not Suppression.objects.exists()
    assert len(history()) == len(made)


def test_nobody_changes_a_suppression(client: Client, made: dict[str, Suppression]) -> None:
    change = address(Suppression, "change", made["bounce"].pk)
    page = client.get(change)
    assert page.status_code == 200
    assert "The address does not exist" in page.content.decode()
    assert 'name="_save"' not in page.content.decode()
    assert client.post(change, {"address": "mine@example.com"}).status_code == 403


def test_each_permission_opens_its_own_pages(made: dict[str, Suppression]) -> None:
    change = address(Suppression, "change", made["other"].pk)
    delete = address(Suppression, "delete", made["other"].pk)
    viewer, outsider = staff_client("view_suppression"), staff_client("change_suppression")
    assert [viewer.get(url).status_code for url in (address(Suppression), change)] == [200, 200]
    assert [viewer.get(url).status_code for url in (ADD, delete)] == [403, 403]
    assert outsider.post(change, form_of(outsider, change)).status_code == 403
    stranger = staff_client("view_notification")
    for url in (address(Suppression), ADD, change, delete):
        assert stranger.get(url).status_code == 403
    adder = staff_client("add_suppression")
    values = {"target_key": "email", "address": "new@example.com"}
    assert adder.post(ADD, values).status_code == 302
    assert adder.post(delete, {"post": "yes"}).status_code == 403
    deleter = staff_client("delete_suppression")
    assert deleter.post(delete, {"post": "yes"}).status_code == 302
    assert not Suppression.objects.filter(pk=made["other"].pk).exists()
