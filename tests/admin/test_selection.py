"""What the list of notifications shows of a full table, and what it reads of it for that."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.utils import timezone

from django_notification_system.admin.listing import quick_search, selection
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.admin_site import Records, address, listed, staff_client
from tests.support.many_notifications import analyze, delete_all, multiply
from tests.support.plans import plan_of, statements_of

TABLE = Notification._meta.db_table
STATUSES = [status for status, _label in Notification.STATUS_CHOICES]
BY_TARGET = "target_user_record__target__id__exact"
BY_ATTEMPT = "attempted_delivery__isempty"
NOW = timezone.now()


@pytest.fixture
def client() -> Client:
    """The browser of somebody who may only look."""
    return staff_client("view_notification", "view_targetuserrecord")


def hours(number: float) -> Any:
    return NOW - timedelta(hours=number)


@pytest.fixture
def every_kind(records: Records, make_due: MakeDue) -> list[Notification]:
    """A notification of each status for each of two targets, one of which was not taken up yet."""
    made = []
    for number, status in enumerate(STATUSES):
        attempted = hours(number) if status in Notification.ATTEMPTED_STATUSES else None
        for place, name in enumerate(("Email", "Expo")):
            made.append(
                make_due(
                    records[name],
                    title=f"{name} {status}",
                    status=status,
                    scheduled_delivery=hours(number + place / 2),
                    attempted_delivery=attempted,
                )
            )
    Notification.objects.filter(title__startswith="Expo").update(target=None)
    return made


def titles(client: Client, query: str = "") -> list[str]:
    page = client.get(f"{address(Notification)}?{query}")
    assert page.status_code == 200
    return [notification.title for notification in page.context["cl"].result_list]


pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_shows_all_that_have_it(
    client: Client, every_kind: list[Notification], status: str
) -> None:
    found = titles(client, urlencode({"status__exact": status}))
    assert found == [f"Email {status}", f"Expo {status}"]


@pytest.mark.parametrize("name", ["Email", "Expo"])
def test_a_target_shows_its_own_the_newest_first(
    client: Client, every_kind: list[Notification], name: str
) -> None:
    target = NotificationTarget.objects.get(name=name)
    query = f"{BY_TARGET}={target.pk}"
    assert titles(client, query) == [f"{name} {status}" for status in STATUSES]
    assert titles(client, f"{query}&o=3") == [f"{name} {status}" for status in STATUSES[::-1]]
    assert titles(client, f"{query}&status__exact=RETRY") == [f"{name} RETRY"]
    other = NotificationTarget.objects.get(name="Twilio")
    assert titles(client, f"{BY_TARGET}={other.pk}") == []
    assert client.get(f"{address(Notification)}?{BY_TARGET}=x")["Location"].endswith("?e=1")


def test_attempted_or_not_divides_all(client: Client, every_kind: list[Notification]) -> None:
    attempted = set(titles(client, f"{BY_ATTEMPT}=0"))
    assert attempted == {each.title for each in every_kind if each.attempted_delivery}
    assert set(titles(client, f"{BY_ATTEMPT}=1")) == {each.title for each in every_kind} - attempted
    # What was cancelled after an attempt counts as attempted.
    Notification.objects.filter(title="Email CANCELLED").update(attempted_delivery=NOW)
    assert "Email CANCELLED" in titles(client, f"{BY_ATTEMPT}=0")
    assert "Email CANCELLED" not in titles(client, f"{BY_ATTEMPT}=1")


def test_statuses_that_exclude_each_other_show_nothing(
    client: Client, every_kind: list[Notification]
) -> None:
    assert titles(client, f"status__exact=DELIVERED&{BY_ATTEMPT}=1") == []


def test_pages_of_several_ranges_have_each_row_once(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    number = 0
    for status in ("SCHEDULED", "RETRY", "DELIVERY FAILURE"):
        for name in ("Email", "Expo"):
            for _ in range(40):
                number += 1
                make_due(
                    records[name],
                    title=f"{number}",
                    status=status,
                    # Seven at the same moment, in two ranges and on two pages.
                    scheduled_delivery=hours(number // 7),
                    attempted_delivery=None if status == "SCHEDULED" else NOW,
                )
    email = NotificationTarget.objects.get(name="Email")
    for query, expected in (
        (f"{BY_TARGET}={email.pk}", 120),
        (f"{BY_ATTEMPT}=0", 160),
        ("q=1", 132),
    ):
        for order in ("-3", "3"):
            pages = [titles(client, f"{query}&o={order}&p={page}") for page in (1, 2)]
            assert [len(page) for page in pages] == [100, expected - 100], query
            shown = [title for page in pages for title in page]
            assert len(set(shown)) == expected
            moments = [Notification.objects.get(title=title).scheduled_delivery for title in shown]
            assert moments == sorted(moments, reverse=order == "-3")
        assert len(titles(client, f"{query}&all=")) == expected
    assert client.get(f"{address(Notification)}?{BY_ATTEMPT}=0&p=3")["Location"].endswith("?e=1")


@pytest.fixture
def old_and_new(
    records: Records, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> TargetUserRecord:
    """Three old notifications behind two new ones, an old user before a new one."""
    monkeypatch.setattr(selection, "ROWS_LOOKED_AT", 2)
    monkeypatch.setattr(quick_search, "USERS_LOOKED_AT", 1)
    newest = get_user_model().objects.create_user("hamlet", first_name="Bernardo")
    other = TargetUserRecord.objects.create(
        user=newest, target=records["Email"].target, target_user_id="ham@x", description="Ham"
    )
    for title in ("toast", "bread"):
        make_due(records["Email"], title=f"old {title}", scheduled_delivery=hours(9))
    make_due(other, title="ham's toast", scheduled_delivery=hours(8))
    for number in range(3):
        make_due(records["Expo"], title=f"new toast {number}", scheduled_delivery=hours(number))
    return other


def found(client: Client, word: str, **chosen: str) -> tuple[set[str], str]:
    query = urlencode({"q": word, **chosen})
    page = client.get(f"{address(Notification)}?{query}")
    return listed(client, Notification, query), str(page.context["cl"].result_count)


def test_a_quick_search_looks_at_the_latest_in_full_and_for_people_at_all(
    client: Client, old_and_new: TargetUserRecord
) -> None:
    assert found(client, "toast") == ({"new toast 0", "new toast 1", "new toast 2"}, "3+")
    # Ham is among the newest users; old notifications are found by any part of the name.
    assert found(client, "ernard") == ({"ham's toast"}, "1+")
    assert found(client, "ernard toast") == ({"ham's toast"}, "1+")
    assert found(client, "ernard bread")[0] == set()
    # The other user is found by how address or user name begin, in capitals or not.
    old = {"old toast", "old bread"}
    address_of_old = TargetUserRecord.objects.get(target__name="Email", user__username="egg")
    begin = address_of_old.target_user_id[:5].upper()
    assert old <= found(client, begin)[0]
    assert old <= found(client, "egg")[0]
    assert found(client, begin + " bread")[0] == {"old bread"}
    assert not old & found(client, "gg")[0]


def test_everything_is_searched_when_asked(client: Client, old_and_new: TargetUserRecord) -> None:
    assert found(client, "toast", extent="all") == (
        {"new toast 0", "new toast 1", "new toast 2", "old toast", "ham's toast"},
        "5",
    )
    assert {"old toast", "old bread"} <= found(client, "gg", extent="all")[0]
    page = client.get(f"{address(Notification)}?q=toast").content.decode()
    assert "Everything (takes longer)" in page
    assert "Everything (takes longer)" not in client.get(address(Notification)).content.decode()


def test_a_quick_search_looks_at_the_latest_that_the_filters_leave(
    client: Client, old_and_new: TargetUserRecord
) -> None:
    email = NotificationTarget.objects.get(name="Email")
    chosen = {BY_TARGET: str(email.pk)}
    assert found(client, "toast", **chosen) == ({"old toast", "ham's toast"}, "2+")
    day = timezone.localtime(hours(8)) if timezone.is_aware(NOW) else hours(8)
    period = {"scheduled_delivery__lt": (day - timedelta(minutes=1)).isoformat()}
    assert found(client, "toast", **period)[0] == {"old toast"}


def test_records_are_searched_as_quickly(client: Client, old_and_new: TargetUserRecord) -> None:
    eggs = set(TargetUserRecord.objects.filter(user__username="egg"))

    def of(word: str, **chosen: str) -> set[TargetUserRecord]:
        page = client.get(f"{address(TargetUserRecord)}?{urlencode({'q': word, **chosen})}")
        return set(page.context["cl"].result_list)

    assert of("ernard") == {old_and_new}
    assert of("egg") == eggs
    assert of("gg") == set()
    assert of("gg", extent="all") == eggs


def test_errors_are_looked_for_among_the_latest_failures(
    client: Client, records: Records, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "ROWS_LOOKED_AT", 2)
    for number in range(5):
        make_due(
            records["Email"],
            title=f"{number}",
            status="RETRY",
            scheduled_delivery=hours(number),
            attempted_delivery=NOW,
            response="Too slow",
        )
    assert listed(client, Notification, "error=Too+slow") == {"0", "1", "2"}
    assert listed(client, Notification, "error=Too+slow&extent=all") == {"0", "1", "2", "3", "4"}


#: SQLite tells no rows that were read, and plans alike for few.
PLANNED = 1_000 if TEST_DATABASE == "sqlite" else 30_000
#: A page and its count, of each range; a quick search's latest, and some to spare.
MOST_ROWS = 3_000


@pytest.fixture
def full_table(django_user_model: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few that are rare, older than a table full of what was delivered."""
    monkeypatch.setattr("django_notification_system.admin.listing.paginator.COUNTED_ROWS", 200)
    monkeypatch.setattr(selection, "ROWS_LOOKED_AT", 500)
    user = django_user_model.objects.create_user(username="egg")
    target = NotificationTarget.objects.create(name="busy", notification_module_name="busy")
    record = TargetUserRecord.objects.create(
        user=user, target=target, target_user_id="egg@x", description="Egg"
    )
    for status, number, age in (
        ("RETRY", 50, 20),
        ("CANCELLED", 50, 20),
        ("DELIVERED", PLANNED, 9),
    ):
        original = Notification.objects.create(
            target_user_record=record,
            title="Breakfast",
            body="The eggs are ready.",
            status=status,
            scheduled_delivery=timezone.now() - timedelta(days=age),
            attempted_delivery=None if status == "CANCELLED" else timezone.now(),
            response="Too slow" if status == "RETRY" else "",
        )
        multiply([original.pk], number - 1)
    analyze()
    yield
    delete_all()
    analyze()


#: What a person may choose.
CHOICES = (
    "",
    "status__exact=RETRY",
    "status__exact=DELIVERED",
    f"{BY_TARGET}={{target}}",
    f"{BY_ATTEMPT}=1",
    "error=Too+slow",
    "q=nowhere",
    "q=Breakfast&status__exact=RETRY",
)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_no_page_reads_the_whole_table(full_table: None) -> None:
    client = staff_client("view_notification", "view_targetuserrecord")
    target = NotificationTarget.objects.get(name="busy")
    for query in CHOICES:
        page = f"{address(Notification)}?{query.format(target=target.pk)}"
        statements = statements_of(lambda page=page: client.get(page))  # type: ignore[misc]
        statements = [each for each in statements if TABLE in each]
        assert statements
        for statement in statements:
            assert_little_is_read(statement)


def assert_little_is_read(statement: str) -> None:
    for access in plan_of(statement).accesses:
        if access.table != TABLE:
            continue
        assert access.rows is None or access.rows <= MOST_ROWS, (access, statement)
        if connection.vendor == "sqlite" and access.whole:
            # It stops when it has enough, and tells nothing of that.
            assert access.index == "notification_newest", statement
